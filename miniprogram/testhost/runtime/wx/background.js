// Coming and going of the app: `phone.hide()` and `phone.show()`; killing it is closing the page.
import { phone } from '../phone.js'

export function background(router) {
  const hidden = new Set()
  const shown = new Set()
  phone.hidden = false
  phone.hide = () => {
    phone.hidden = true
    router.background(true)
    hidden.forEach((listener) => listener())
  }
  phone.show = () => {
    phone.hidden = false
    router.background(false)
    shown.forEach((listener) => listener(router.launchOptions()))
  }
  return {
    onAppHide: (listener) => hidden.add(listener),
    offAppHide: (listener) => hidden.delete(listener),
    onAppShow: (listener) => shown.add(listener),
    offAppShow: (listener) => shown.delete(listener),
    getLaunchOptionsSync: () => router.launchOptions(),
    getEnterOptionsSync: () => router.launchOptions(),
    onError() {},
    onUnhandledRejection() {},
    onPageNotFound() {},
    exitMiniProgram() {},
  }
}
