// <scroll-view> and <swiper>.
import { nodeOf, reflected } from './element.js'

const NEAR_PX = 50

function overflow(node, component) {
  node.style.overflowX = component.data.scrollX ? 'auto' : 'hidden'
  node.style.overflowY = component.data.scrollY ? 'auto' : 'hidden'
}

const scrollView = {
  properties: {
    scrollX: reflected(Boolean, (node, _, component) => overflow(node, component)),
    scrollY: reflected(Boolean, (node, _, component) => overflow(node, component)),
    scrollTop: reflected(null, (node, top) => (node.scrollTop = Number(top) || 0)),
    scrollLeft: reflected(null, (node, left) => (node.scrollLeft = Number(left) || 0)),
    scrollIntoView: reflected(String, (node, id) => id && node.querySelector(`[data-id="${id}"]`)?.scrollIntoView()),
    upperThreshold: { type: Number, value: NEAR_PX },
    lowerThreshold: { type: Number, value: NEAR_PX },
    ...Object.fromEntries(['scrollWithAnimation', 'enableBackToTop', 'enableFlex', 'scrollAnchoring', 'refresherEnabled', 'refresherTriggered', 'bounces', 'enhanced', 'showScrollbar', 'pagingEnabled', 'fastDeceleration'].map((name) => [name, Boolean])),
    ...Object.fromEntries(['type', 'refresherDefaultStyle', 'refresherBackground'].map((name) => [name, String])),
  },
  lifetimes: {
    attached() {
      const node = nodeOf(this)
      overflow(node, this)
      let atEnd = false
      node.addEventListener('scroll', () => {
        const { scrollTop, scrollLeft, scrollHeight, scrollWidth } = node
        this.triggerEvent('scroll', { scrollTop, scrollLeft, scrollHeight, scrollWidth, deltaX: 0, deltaY: 0 })
        const near = scrollTop + node.clientHeight >= scrollHeight - this.data.lowerThreshold
        if (near && !atEnd) this.triggerEvent('scrolltolower', { direction: 'bottom' })
        atEnd = near
      })
    },
  },
} // prettier-ignore

const swiper = {
  properties: {
    current: reflected(Number, (node, index) => node.children[index]?.scrollIntoView({ block: 'nearest', inline: 'start' })),
    ...Object.fromEntries(['indicatorDots', 'autoplay', 'circular', 'vertical', 'disableTouch'].map((name) => [name, Boolean])),
    ...Object.fromEntries(['interval', 'duration', 'displayMultipleItems'].map((name) => [name, Number])),
    ...Object.fromEntries(['previousMargin', 'nextMargin', 'easingFunction', 'indicatorColor', 'indicatorActiveColor', 'currentItemId'].map((name) => [name, String])),
  },
  lifetimes: {
    attached() {
      const node = nodeOf(this)
      let seen = this.data.current ?? 0
      node.addEventListener('scrollend', () => {
        const current = Math.round(node.scrollLeft / Math.max(1, node.clientWidth))
        if (current !== seen) this.triggerEvent('change', { current, source: 'touch', currentItemId: '' })
        seen = current
      })
    },
  },
} // prettier-ignore

export const scrolling = { 'scroll-view': scrollView, swiper, 'swiper-item': { properties: { itemId: String } } }
