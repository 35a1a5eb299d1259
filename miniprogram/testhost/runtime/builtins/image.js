// <image>: what `mode` means in the browser's words.
import { attribute, nodeOf, reflected } from './element.js'
import { addressOf } from '../wx/files.js'

const FIT = { scaleToFill: 'fill', aspectFit: 'contain', aspectFill: 'cover', widthFix: 'fill', heightFix: 'fill' }
const drawn = (node, apply) => {
  const picture = node.querySelector('img')
  if (picture) apply(picture)
}

export const definition = {
  holds: false,
  properties: {
    src: reflected(String, (node, src) => drawn(node, (picture) => show(picture, src))),
    mode: reflected(String, (node, mode) => drawn(node, (picture) => fit(node, picture, mode)), 'scaleToFill'),
    lazyLoad: Boolean,
    showMenuByLongpress: Boolean,
    webp: Boolean,
    ariaLabel: reflected(String, (node, label) => {
      attribute(node, 'aria-label', label)
      drawn(node, (picture) => (picture.alt = label ?? ''))
    }),
  },
  lifetimes: {
    attached() {
      const node = nodeOf(this)
      const picture = document.createElement('img')
      picture.alt = this.data.ariaLabel ?? ''
      picture.addEventListener('load', () => this.triggerEvent('load', { width: picture.naturalWidth, height: picture.naturalHeight }))
      picture.addEventListener('error', () => this.triggerEvent('error', { errMsg: `GET ${picture.src} failed` }))
      node.append(picture)
      fit(node, picture, this.data.mode)
      show(picture, this.data.src)
    },
  },
}

/** A path from the root of the package is one beside this page, but for those of the server; a file of the phone has an address of its own. */
function show(picture, src) {
  if (!src) picture.removeAttribute('src')
  else if (src.startsWith('wxfile:')) addressOf(src).then((address) => (picture.src = address), () => picture.dispatchEvent(new Event('error')))
  else picture.src = /^\/(?!api\/)/.test(src) ? src.slice(1) : src
}

function fit(node, picture, mode) {
  picture.style.objectFit = FIT[mode] ?? 'fill'
  if (mode === 'widthFix') Object.assign(picture.style, { height: 'auto' }), (node.style.height = 'auto')
  if (mode === 'heightFix') Object.assign(picture.style, { width: 'auto' }), (node.style.width = 'auto')
  if (mode === undefined) attribute(node, 'data-mode', '')
}
