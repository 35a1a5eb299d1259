// <switch>, <checkbox>, <radio>, their groups, <slider>, <label>, <form>: what is chosen, and how the choice is told.
import { attribute, nodeOf, reflected } from './element.js'

/** Make an element pressable by finger and keyboard, with its role and its state for a screen reader. */
function pressable(component, role, press) {
  const node = nodeOf(component)
  node.setAttribute('role', role)
  node.tabIndex = 0
  show(component)
  node.addEventListener('click', () => component.data.disabled || press())
  node.addEventListener('keydown', (event) => {
    if (event.key === ' ' || event.key === 'Enter') node.click()
  })
}

function show(component) {
  const node = nodeOf(component)
  attribute(node, 'aria-checked', component.data.checked ? 'true' : 'false')
  attribute(node, 'aria-disabled', component.data.disabled ? 'true' : '')
}

const checked = reflected(Boolean, (_, __, component) => show(component))
const disabled = reflected(Boolean, (_, __, component) => show(component))
const group = (component, tag) => nodeOf(component).closest(`wx-${tag}-group`)
const members = new WeakMap() // the node of a group → its members, in the order in which they came

function join(component, tag) {
  const owner = group(component, tag)
  if (owner) members.set(owner, [...(members.get(owner) ?? []), component])
  return owner
}

function set(component, value) {
  component.setData({ checked: value })
  show(component)
}

const groups = new WeakMap()
const groupDefinition = {
  properties: { name: String },
  lifetimes: {
    attached() {
      groups.set(nodeOf(this), this)
    },
  },
}

export const choices = {
  'switch': {
    holds: false,
    properties: { checked, disabled, color: String, type: String, name: String },
    lifetimes: {
      attached() {
        pressable(this, 'switch', () => {
          set(this, !this.data.checked)
          this.triggerEvent('change', { value: this.data.checked })
        })
      },
    },
  },
  'checkbox': {
    properties: { checked, disabled, value: String, color: String },
    lifetimes: {
      attached() {
        join(this, 'checkbox')
        pressable(this, 'checkbox', () => {
          set(this, !this.data.checked)
          const owner = group(this, 'checkbox')
          if (!owner) return
          const value = members.get(owner).filter((one) => one.data.checked).map((one) => one.data.value)
          groups.get(owner).triggerEvent('change', { value })
        })
      },
    },
  },
  'radio': {
    properties: { checked, disabled, value: String, color: String },
    lifetimes: {
      attached() {
        join(this, 'radio')
        pressable(this, 'radio', () => {
          const owner = group(this, 'radio')
          for (const other of owner ? members.get(owner) : [this]) set(other, other === this)
          if (owner) groups.get(owner).triggerEvent('change', { value: this.data.value })
        })
      },
    },
  },
  'checkbox-group': groupDefinition,
  'radio-group': groupDefinition,
  'slider': {
    holds: false,
    properties: {
      ...Object.fromEntries(['min', 'max', 'step', 'value'].map((name) => [name, reflected(Number, (node, value) => node.firstElementChild && (node.firstElementChild[name] = value))])),
      disabled: Boolean, showValue: Boolean, activeColor: String, backgroundColor: String, blockSize: Number, blockColor: String,
    },
    lifetimes: {
      attached() {
        const range = document.createElement('input')
        Object.assign(range, { type: 'range', min: this.data.min ?? 0, max: this.data.max || 100, step: this.data.step || 1, value: this.data.value ?? 0 })
        range.addEventListener('input', (event) => {
          event.stopPropagation()
          this.triggerEvent('changing', { value: Number(range.value) })
        })
        range.addEventListener('change', (event) => {
          event.stopPropagation()
          this.triggerEvent('change', { value: Number(range.value) })
        })
        nodeOf(this).append(range)
      },
    },
  },
  'label': {
    properties: { for: String },
    lifetimes: {
      attached() {
        const node = nodeOf(this)
        node.addEventListener('click', (event) => {
          const control = node.querySelector('wx-switch, wx-checkbox, wx-radio, input, textarea')
          if (control && !control.contains(event.target)) control.matches('input, textarea') ? control.focus() : control.click()
        })
      },
    },
  },
  'form': {
    properties: { reportSubmit: Boolean },
    lifetimes: {
      attached() {
        const node = nodeOf(this)
        node.addEventListener('click', (event) => {
          const pressed = event.target.closest('wx-button[data-form-type]')
          if (pressed?.dataset.formType === 'submit') this.triggerEvent('submit', { value: valuesIn(node) })
          if (pressed?.dataset.formType === 'reset') this.triggerEvent('reset', {})
        })
      },
    },
  },
} // prettier-ignore

function valuesIn(form) {
  const fields = [...form.querySelectorAll('[data-name]')]
  return Object.fromEntries(fields.map((field) => [field.dataset.name, field.querySelector('input, textarea')?.value ?? field.getAttribute('aria-checked') === 'true']))
}
