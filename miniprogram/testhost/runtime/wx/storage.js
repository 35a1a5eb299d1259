// Key-value storage. It outlives the app, as on a phone; 10 MB in all and 1 MB a key, as in WeChat.
import { call } from './call.js'

const PREFIX = 'wx:'
const KEY_LIMIT = 1024 * 1024

export function storage() {
  const read = (key) => {
    const kept = localStorage.getItem(PREFIX + key)
    return kept === null ? '' : JSON.parse(kept).data
  }
  const write = (key, data) => {
    const text = JSON.stringify({ data })
    if (text.length > KEY_LIMIT) throw new Error('setStorageSync:fail entry size limit reached')
    localStorage.setItem(PREFIX + key, text)
  }
  const keys = () => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length))
  const clear = () => keys().forEach((key) => localStorage.removeItem(PREFIX + key))
  const info = () => ({ keys: keys(), currentSize: 0, limitSize: 10240 })
  return {
    getStorageSync: read,
    setStorageSync: write,
    removeStorageSync: (key) => localStorage.removeItem(PREFIX + key),
    clearStorageSync: clear,
    getStorageInfoSync: info,
    getStorage: call('getStorage', ({ key }) => {
      if (!keys().includes(key)) throw new Error('data not found')
      return { data: read(key) }
    }),
    setStorage: call('setStorage', ({ key, data }) => write(key, data)),
    removeStorage: call('removeStorage', ({ key }) => localStorage.removeItem(PREFIX + key)),
    getStorageInfo: call('getStorageInfo', info),
    clearStorage: call('clearStorage', clear),
  }
}
