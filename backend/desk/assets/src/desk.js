// What every page of the desk may use. Pages are complete without it: it only saves steps.
import htmx from 'htmx.org/dist/htmx.esm.js'

// No style element and no code from strings: the pages' policy forbids both.
Object.assign(htmx.config, { includeIndicatorStyles: false, allowEval: false, allowScriptTags: false, historyCacheSize: 0, selfRequestsOnly: true })

const all = (selector, root = document) => [...root.querySelectorAll(selector)]

document.addEventListener('htmx:configRequest', (event) => {
  const token = document.querySelector('meta[name=form-token]')?.content
  if (token) event.detail.headers['X-Form-Token'] = token
})
// Refusals come back as a piece of the page to be shown; htmx would drop them.
document.addEventListener('htmx:beforeSwap', (event) => {
  if (event.detail.xhr.status >= 400 && event.detail.xhr.getResponseHeader('HX-Retarget')) {
    event.detail.shouldSwap = true
    event.detail.isError = false
  }
})

// A form is sent once: a second press while the first is under way does nothing.
document.addEventListener('submit', (event) => {
  const form = event.target
  if (form.dataset.sent && !form.hasAttribute('hx-post')) return event.preventDefault()
  if (form.method === 'post') form.dataset.sent = '1'
})
window.addEventListener('pageshow', () => all('form[data-sent]').forEach((form) => delete form.dataset.sent))

// <form data-autosubmit>: a choice in it is sent at once.
document.addEventListener('change', (event) => {
  const form = event.target.form
  if (form?.hasAttribute('data-autosubmit') && event.target.matches('select, input[type=checkbox], input[type=date], input[type=month], input[type=radio]')) form.requestSubmit()
})

// <input data-all="name">: ticks every box of that name; <output data-count="name"> tells how many are ticked.
function count(name) {
  const n = all(`input[name="${name}"]:checked`).length
  all(`[data-count="${name}"]`).forEach((place) => (place.textContent = String(n)))
  all(`[data-needs="${name}"]`).forEach((button) => (button.disabled = n === 0))
}
document.addEventListener('change', (event) => {
  const { all: name } = event.target.dataset ?? {}
  if (name) all(`input[name="${name}"]`).forEach((box) => (box.checked = event.target.checked))
  if (name || event.target.name) count(name ?? event.target.name)
})
const counted = () => new Set(all('[data-count]').map((place) => place.dataset.count)).forEach(count)

// <div data-compare>: two photos, one over the other, with a slider between them.
function compare(box) {
  const range = box.querySelector('input[type=range]')
  const over = box.querySelector('[data-over]')
  const show = () => {
    over.style.clipPath = `inset(0 0 0 ${range.value}%)`
    box.style.setProperty('--at', `${range.value}%`)
  }
  range.addEventListener('input', show)
  show()
}

// <button data-print>
document.addEventListener('click', (event) => {
  if (event.target.closest('[data-print]')) window.print()
})

// [data-keys] rows: j and k move, Enter opens, letters of [data-key] press what they stand on; ? shows the help.
const typing = (target) => target.matches('input, textarea, select, [contenteditable]')
function rowsOf() {
  return all('[data-row]')
}
function move(step) {
  const rows = rowsOf()
  if (!rows.length) return
  const now = rows.findIndex((row) => row.getAttribute('aria-current') === 'true')
  const next = rows[Math.min(rows.length - 1, Math.max(0, now + step))] ?? rows[0]
  rows.forEach((row) => row.removeAttribute('aria-current'))
  next.setAttribute('aria-current', 'true')
  next.querySelector('a')?.focus({ preventScroll: true })
  next.scrollIntoView({ block: 'nearest' })
}
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return
  if (!document.querySelector('[data-keys]')) return
  if (event.key === 'j') move(1)
  else if (event.key === 'k') move(-1)
  else if (event.key === '?') document.querySelector('#keys')?.showModal?.()
  else {
    const row = document.querySelector('[data-row][aria-current=true]')
    const wanted = (row && row.querySelector(`[data-key="${CSS.escape(event.key)}"]`)) || document.querySelector(`:not([data-row]) > [data-key="${CSS.escape(event.key)}"]`)
    if (!wanted) return
    event.preventDefault()
    wanted.click()
    if (wanted.matches('summary')) wanted.parentElement.querySelector('textarea, input:not([type=hidden]), select')?.focus()
  }
})

function ready(root) {
  all('[data-compare]', root).forEach(compare)
  counted()
}
document.addEventListener('DOMContentLoaded', () => ready(document))
document.addEventListener('htmx:load', (event) => ready(event.detail.elt))
document.documentElement.classList.add('scripted')
