// <picker>: a list at the foot of the screen; dates and times through the browser's own fields.
import { nodeOf } from './element.js'

const FIELDS = { date: 'date', time: 'time' }

export const definition = {
  properties: {
    mode: { type: String, value: 'selector' }, range: { type: Array, value: [] }, rangeKey: String, value: null, disabled: Boolean,
    start: String, end: String, fields: String, headerText: String,
  },
  lifetimes: {
    attached() {
      nodeOf(this).addEventListener('click', () => this.data.disabled || open(this))
    },
  },
} // prettier-ignore

function open(picker) {
  const shade = document.createElement('div')
  shade.className = 'wx-dialog wx-sheet'
  shade.setAttribute('role', 'listbox')
  shade.setAttribute('aria-label', picker.data.headerText || '请选择')
  const box = document.createElement('div')
  const end = (name, detail) => {
    shade.remove()
    picker.triggerEvent(name, detail)
  }
  if (FIELDS[picker.data.mode]) box.append(...dated(picker, end))
  else if (picker.data.mode === 'selector') picker.data.range.forEach((item, index) => box.append(option(labelOf(picker, item), () => end('change', { value: index }))))
  else throw new Error(`the host has no picker of mode ${picker.data.mode}`)
  box.append(option('取消', () => end('cancel', {})))
  shade.append(box)
  document.body.append(shade)
}

const labelOf = (picker, item) => (picker.data.rangeKey ? item[picker.data.rangeKey] : item)

function option(label, press) {
  const button = document.createElement('button')
  button.textContent = label
  button.setAttribute('role', 'option')
  button.addEventListener('click', press)
  return button
}

function dated(picker, end) {
  const field = document.createElement('input')
  Object.assign(field, { type: FIELDS[picker.data.mode], value: picker.data.value ?? '', min: picker.data.start ?? '', max: picker.data.end ?? '' })
  field.setAttribute('aria-label', picker.data.headerText || '选择日期')
  for (const name of ['input', 'change']) field.addEventListener(name, (event) => event.stopPropagation())
  return [field, option('确定', () => end('change', { value: field.value }))]
}
