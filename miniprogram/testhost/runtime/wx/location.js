// Location: a place once, a stream of places, and choosing one on a map. Each call must stand in requiredPrivateInfos.
import { toGcj02, toWgs84 } from '../../../src/services/coordinates.ts'
import { call } from './call.js'
import { allowed } from './permissions.js'
import { consented } from './privacy.js'
import { phone } from '../phone.js'

const INTERVAL_MS = 1000

export function location(declared, program) {
  const listeners = new Set()
  const errorListeners = new Set()
  let stream = null

  const reading = (type) => {
    const { latitude, longitude, accuracy, speed, altitude } = phone.place
    const point = type === 'gcj02' ? toGcj02({ latitude, longitude }) : { latitude, longitude }
    return { ...point, accuracy, speed, altitude, horizontalAccuracy: accuracy, verticalAccuracy: 0 }
  }
  const private_ = (name, scope, body) =>
    call(name, async (options) => {
      if (!declared.has(name)) throw new Error('the api need to be declared in the requiredPrivateInfos field in app.json')
      await consented(name)
      await allowed(scope)
      return body(options)
    })

  function follow(type, inBackground) {
    stop()
    const tell = () => {
      if (phone.hidden && !inBackground) return
      listeners.forEach((listener) => listener(reading(type)))
    }
    phone.on('place', tell)
    const timer = setInterval(tell, INTERVAL_MS)
    stream = () => {
      clearInterval(timer)
      phone.off('place', tell)
    }
  }

  function stop() {
    stream?.()
    stream = null
  }

  return {
    getLocation: private_('getLocation', 'scope.userLocation', ({ type = 'wgs84' }) => reading(type)),
    getFuzzyLocation: private_('getFuzzyLocation', 'scope.userFuzzyLocation', ({ type = 'wgs84' }) => reading(type)),
    startLocationUpdate: private_('startLocationUpdate', 'scope.userLocation', ({ type = 'gcj02' }) => follow(type, false)),
    startLocationUpdateBackground: private_('startLocationUpdateBackground', 'scope.userLocationBackground', ({ type = 'gcj02' }) => {
      if (!(program.app.requiredBackgroundModes ?? []).includes('location')) throw new Error('requiredBackgroundModes: ["location"] is missing in app.json')
      follow(type, true)
    }),
    stopLocationUpdate: call('stopLocationUpdate', stop),
    onLocationChange: (listener) => listeners.add(listener),
    offLocationChange: (listener) => (listener ? listeners.delete(listener) : listeners.clear()),
    onLocationChangeError: (listener) => errorListeners.add(listener),
    offLocationChangeError: (listener) => (listener ? errorListeners.delete(listener) : errorListeners.clear()),
    chooseLocation: private_('chooseLocation', 'scope.userLocation', () => {
      if (!phone.chosen) throw new Error('cancel')
      const { latitude, longitude, name = '', address = '' } = phone.chosen
      return { ...toGcj02({ latitude, longitude }), name, address }
    }),
    openLocation: call('openLocation', (options) => phone.tell('map', { ...options, ...toWgs84(options) })),
  }
}
