// The `wx` of the host, one noun a file. A call that it lacks is a fault, so that no page relies on what nobody tried.
import { fault } from '../faults.js'
import { navigation } from './navigation.js'
import { system } from './system.js'

// Asked for by libraries to learn whether it is there; WeChat's own answer for this kind of page is no.
const PROBED = new Set(['getSkylineInfoSync', 'worklet', 'then', 'toJSON'])

export function makeWx(router, program) {
  const wx = { ...system(), ...navigation(router) }
  wx.canIUse = (name) => name.split('.')[0] in wx
  wx.createSelectorQuery = () => router.top.page.createSelectorQuery()
  wx.createIntersectionObserver = (component, options) => component.createIntersectionObserver(options)
  return new Proxy(wx, {
    get(target, name) {
      if (name in target || typeof name === 'symbol' || PROBED.has(name)) return target[name]
      fault(`wx.${name} is missing in the host`)
      return undefined
    },
  })
}
