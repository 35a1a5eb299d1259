// <button>: an accessible button; openType asks WeChat for something and tells what it gave.
import { attribute, nodeOf, reflected } from './element.js'
import { openTypes } from '../wx/open-types.js'

export const definition = {
  properties: {
    disabled: reflected(Boolean, (node, disabled) => attribute(node, 'aria-disabled', disabled ? 'true' : '')),
    loading: Boolean,
    plain: Boolean,
    size: String,
    type: String,
    formType: reflected(String, (node, type) => attribute(node, 'data-form-type', type)),
    openType: String,
    lang: String,
    sessionFrom: String,
    sendMessageTitle: String,
    sendMessagePath: String,
    sendMessageImg: String,
    appParameter: String,
    showMessageCard: Boolean,
    phoneNumberNoQuotaToast: Boolean,
  },
  lifetimes: {
    attached() {
      const node = nodeOf(this)
      if (!node.hasAttribute('role')) node.setAttribute('role', 'button')
      node.tabIndex = 0
      attribute(node, 'data-form-type', this.data.formType)
      node.addEventListener('keydown', (event) => event.key === 'Enter' && node.click())
      node.addEventListener('click', (event) => {
        if (this.data.disabled) event.stopImmediatePropagation()
        else if (this.data.openType) openTypes[this.data.openType]?.(this)
      }, true)
    },
  },
}
