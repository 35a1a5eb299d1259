// The `wx` of the host, one noun a file. A call that it lacks is a fault, so that no page relies on what nobody tried.
import { fault } from '../faults.js'
import { background } from './background.js'
import { device } from './device.js'
import { dialogs } from './dialogs.js'
import { files } from './files.js'
import { location } from './location.js'
import { login } from './login.js'
import { media } from './media.js'
import { navigation } from './navigation.js'
import { network } from './network.js'
import { privacy } from './privacy.js'
import { storage } from './storage.js'
import { subscription } from './subscription.js'
import { system } from './system.js'

// Asked for by libraries to learn whether it is there; WeChat's own answer for this kind of page is no.
const PROBED = new Set(['getSkylineInfoSync', 'worklet', 'then', 'toJSON'])

export function makeWx(router, program) {
  const declared = new Set(program.app.requiredPrivateInfos ?? [])
  const wx = {
    ...system(),
    ...navigation(router),
    ...network(),
    ...storage(),
    ...files(),
    ...dialogs(),
    ...login(),
    ...privacy(program),
    ...location(declared, program),
    ...media(),
    ...device(),
    ...subscription(),
    ...background(router),
  }
  wx.canIUse = (name) => name.split('.')[0] in wx
  wx.createSelectorQuery = () => router.top.page.createSelectorQuery()
  wx.createIntersectionObserver = (component, options) => component.createIntersectionObserver(options)
  wx.createMapContext = (id, component) => mapContext(id, component ?? router.top.page)
  return new Proxy(wx, {
    get(target, name) {
      if (name in target || typeof name === 'symbol' || PROBED.has(name)) return target[name]
      fault(`wx.${name} is missing in the host`)
      return undefined
    },
  })
}

/** The element of a <map id>, found as WeChat finds it: by id within the page or component. */
function mapContext(id, component) {
  const map = () => component.selectComponent(`#${id}`) ?? { data: {} }
  return {
    includePoints: ({ points }) => map().includePoints?.(points),
    moveToLocation: (point = {}) => map().moveTo?.(point),
    getCenterLocation: ({ success }) => success?.(map().centre?.() ?? { latitude: 0, longitude: 0 }),
    getScale: ({ success }) => success?.({ scale: map().data.scale }),
  }
}
