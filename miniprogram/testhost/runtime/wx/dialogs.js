// Toasts, modals, action sheets, loading: drawn over the page as WeChat draws them, for people and tests to press.
import { call } from './call.js'

function layer(kind) {
  const element = document.createElement('div')
  element.className = `wx-dialog wx-${kind}`
  document.body.append(element)
  return element
}

function button(label, press) {
  const made = document.createElement('button')
  made.textContent = label
  made.addEventListener('click', press)
  return made
}

let toast
let loading

function showToast({ title, duration = 1500, icon = 'success' }) {
  toast?.remove()
  toast = layer('toast')
  toast.setAttribute('role', 'status')
  toast.dataset.icon = icon
  toast.textContent = title
  const shown = toast
  setTimeout(() => shown.remove(), duration)
}

function showModal({ title = '', content = '', confirmText = '确定', cancelText = '取消', showCancel = true, editable, placeholderText = '' }) {
  return new Promise((resolve) => {
    const shade = layer('modal')
    shade.setAttribute('role', 'alertdialog')
    shade.setAttribute('aria-label', title || content)
    const box = document.createElement('div')
    const head = document.createElement('b')
    head.textContent = title
    const words = document.createElement(editable ? 'textarea' : 'p')
    if (editable) Object.assign(words, { value: content, placeholder: placeholderText })
    else words.textContent = content
    const end = (confirm) => {
      shade.remove()
      resolve({ confirm, cancel: !confirm, content: editable ? words.value : null })
    }
    const row = document.createElement('div')
    if (showCancel) row.append(button(cancelText, () => end(false)))
    row.append(button(confirmText, () => end(true)))
    box.append(head, words, row)
    shade.append(box)
  })
}

function showActionSheet({ itemList }) {
  return new Promise((resolve, reject) => {
    const shade = layer('sheet')
    shade.setAttribute('role', 'menu')
    const end = (body) => () => {
      shade.remove()
      body()
    }
    const box = document.createElement('div')
    itemList.forEach((label, tapIndex) => box.append(button(label, end(() => resolve({ tapIndex })))))
    box.append(button('取消', end(() => reject(new Error('cancel')))))
    shade.append(box)
  })
}

export function dialogs() {
  return {
    showToast: call('showToast', showToast),
    hideToast: call('hideToast', () => toast?.remove()),
    showLoading: call('showLoading', ({ title }) => {
      loading?.remove()
      loading = layer('toast')
      loading.setAttribute('role', 'status')
      loading.textContent = title
    }),
    hideLoading: call('hideLoading', () => loading?.remove()),
    showModal: call('showModal', showModal),
    showActionSheet: call('showActionSheet', showActionSheet),
    hideKeyboard: call('hideKeyboard', () => document.activeElement?.blur()),
    pageScrollTo: call('pageScrollTo', ({ scrollTop, selector }) => {
      if (selector) document.querySelector(selector)?.scrollIntoView()
      else window.scrollTo(0, scrollTop)
    }),
    startPullDownRefresh: call('startPullDownRefresh', () => {}),
    stopPullDownRefresh: call('stopPullDownRefresh', () => {}),
    setBackgroundColor: call('setBackgroundColor', () => {}),
    setKeepScreenOn: call('setKeepScreenOn', () => {}),
    enableAlertBeforeUnload: call('enableAlertBeforeUnload', () => {}),
    disableAlertBeforeUnload: call('disableAlertBeforeUnload', () => {}),
  }
}
