// The simulated phone: where it is, whether it has signal, what its owner allows and photographs. The frame around the
// page and the tests turn these knobs through `window.__PHONE__`; the wx modules read them.

// What a phone keeps when the app is killed: the frame and the tests write it here, for the next start.
const KEPT = 'frame:phone'

class Phone {
  constructor() {
    this.user = 'demo-resident' // the WeChat user, as the stand-in knows them
    this.number = '' // the phone number that the phone-number button shares
    this.place = { latitude: 25.205209, longitude: 102.719296, accuracy: 8, speed: 0, altitude: 1890 } // WGS-84
    this.network = 'wifi' // or none, 2g, 3g, 4g, 5g
    this.answers = {} // scope → true or false: what the owner answers when asked, true when not named
    this.granted = {} // scope → true or false: what has been answered
    this.privacyAgreed = false
    this.privacyAnswer = true
    this.battery = 80
    this.charging = false
    this.album = [] // the files that the next chooseMedia gives; empty: the browser's own file dialogue
    this.fontScale = 1
    this.picks = 'album' // or camera: where the user takes a photo from when both are offered
    this.scan = '' // what the next scanCode reads
    this.subscription = 'accept' // what the consent sheet answers
    this.delay = 0 // ms by which every request is slowed down
    this.failures = [] // { match: part of a URL, status | 'timeout', times }: what requests meet instead of the server
    this.full = false // no room left for files
    this.asking = 0 // how many requests wait for their answers
    this.ahead = 0 // ms by which the phone's clock is ahead of the real one
    this.listeners = {}
    Object.assign(this, JSON.parse(localStorage.getItem(KEPT) ?? '{}'))
  }

  on(name, listener) {
    ;(this.listeners[name] ??= new Set()).add(listener)
  }

  off(name, listener) {
    if (listener) this.listeners[name]?.delete(listener)
    else this.listeners[name]?.clear()
  }

  tell(name, value) {
    for (const listener of this.listeners[name] ?? []) listener(value)
  }

  /** The size of type set in WeChat: 1 is ordinary, 1.4 about the largest. */
  setFontScale(scale) {
    this.fontScale = scale
    this.tell('fontScale', scale)
  }

  /** Move; everybody who follows the place hears of it. */
  moveTo(place) {
    this.place = { ...this.place, ...place }
    this.tell('place', this.place)
  }

  setNetwork(network) {
    this.network = network
    this.tell('network', { isConnected: network !== 'none', networkType: network })
  }

  get online() {
    return this.network !== 'none'
  }
}

export const phone = new Phone()
window.__PHONE__ = phone

// The phone has a clock of its own, which may be wrong, and which runs ahead while a walk is shown in a hurry.
const RealDate = Date
window.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length) super(...parts)
    else super(Math.round(RealDate.now() + phone.ahead))
  }
  static now() {
    return Math.round(RealDate.now() + phone.ahead)
  }
}
