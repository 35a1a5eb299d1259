// <page-meta>: the size of type that the user has set in WeChat, for everything that is measured in rem.
import { phone } from '../phone.js'

const ORDINARY_PX = 16

function apply(component) {
  if (component.data.rootFontSize === 'system') document.documentElement.style.fontSize = `${ORDINARY_PX * phone.fontScale}px`
}

export const definition = {
  holds: false,
  properties: { rootFontSize: String, pageFontSize: String, pageStyle: String, backgroundColor: String },
  lifetimes: {
    attached() {
      this.heard = () => apply(this)
      phone.on('fontScale', this.heard)
      apply(this)
    },
    detached() {
      phone.off('fontScale', this.heard)
    },
  },
}
