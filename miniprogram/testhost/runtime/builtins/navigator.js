// <navigator>: a link between pages.
import { nodeOf } from './element.js'

const WAYS = { navigate: 'navigateTo', redirect: 'redirectTo', reLaunch: 'reLaunch', switchTab: 'switchTab', navigateBack: 'navigateBack' }

export const definition = {
  properties: { url: String, openType: { type: String, value: 'navigate' }, delta: { type: Number, value: 1 }, target: String },
  lifetimes: {
    attached() {
      const node = nodeOf(this)
      node.setAttribute('role', 'link')
      node.addEventListener('click', () => {
        const { url, delta, openType } = this.data
        window.wx[WAYS[openType || 'navigate']]({ url, delta, fail: (failure) => this.triggerEvent('fail', failure) })
      })
    },
  },
}
