// <input> and <textarea>.
import { attribute, nodeOf, reflected } from './element.js'

const MODES = { number: 'numeric', digit: 'decimal', idcard: 'text', tel: 'tel' }
const inner = (apply) => (node, value) => {
  const field = node.firstElementChild
  if (field) apply(field, value)
}

const properties = {
  value: reflected(String, inner((field, value) => {
    if (field.value !== (value ?? '')) field.value = value ?? ''
  })),
  placeholder: reflected(String, inner((field, text) => attribute(field, 'placeholder', text))),
  type: reflected(String, inner((field, type) => attribute(field, 'inputmode', MODES[type] ?? ''))),
  password: reflected(Boolean, inner((field, hidden) => field.matches('input') && (field.type = hidden ? 'password' : 'text'))),
  disabled: reflected(Boolean, inner((field, disabled) => (field.disabled = disabled))),
  maxlength: reflected(Number, inner((field, most) => attribute(field, 'maxlength', most >= 0 ? most : '')), 140),
  focus: reflected(Boolean, inner((field, wanted) => wanted && field.focus())),
  ariaLabel: reflected(String, inner((field, label) => attribute(field, 'aria-label', label))),
  ...Object.fromEntries(
    ['placeholderStyle', 'placeholderClass', 'confirmType', 'name', 'alwaysEmbed'].map((name) => [name, String]),
  ),
  ...Object.fromEntries(
    ['autoFocus', 'confirmHold', 'adjustPosition', 'holdKeyboard', 'fixed', 'showConfirmBar', 'disableDefaultPadding'].map((name) => [name, Boolean]),
  ),
  ...Object.fromEntries(['cursor', 'cursorSpacing', 'selectionStart', 'selectionEnd'].map((name) => [name, Number])),
  autoHeight: reflected(Boolean, inner((field, auto) => (field.style.fieldSizing = auto ? 'content' : 'fixed'))),
}

function definitionOf(tag) {
  return {
    holds: false,
    properties,
    lifetimes: {
      attached() {
        const field = document.createElement(tag)
        const node = nodeOf(this)
        node.append(field)
        for (const name of Object.keys(properties)) properties[name].observer?.call(this, this.data[name])
        // The native events bubble without WeChat's detail; the component tells its own instead.
        for (const name of ['input', 'change', 'focus', 'blur']) field.addEventListener(name, (event) => event.stopPropagation())
        const tell = (name, detail) => this.triggerEvent(name, { value: field.value, cursor: field.selectionStart ?? 0, ...detail })
        field.addEventListener('input', () => {
          this.data.value = field.value
          tell('input', { keyCode: 0 })
        })
        field.addEventListener('focus', () => tell('focus', { height: 0 }))
        field.addEventListener('blur', () => tell('blur'))
        field.addEventListener('keydown', (event) => {
          if (event.key === 'Enter' && tag === 'input') tell('confirm')
        })
      },
    },
  }
}

export const inputDefinition = definitionOf('input')
export const textareaDefinition = definitionOf('textarea')
