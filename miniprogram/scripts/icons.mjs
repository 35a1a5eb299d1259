// Icons without a network: TDesign's own come as a font from afar; here each icon in use is a mask drawn from an SVG of
// the lucide set (ISC licence), in the colour of the text around it.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const SET = fileURLToPath(new URL('../node_modules/lucide-static/icons', import.meta.url))
// TDesign's name → lucide's, where they differ.
const NAMES = {
  'add': 'plus', 'add-circle': 'circle-plus', 'attach': 'paperclip', 'calendar': 'calendar', 'caret-down-small': 'chevron-down',
  'caret-up-small': 'chevron-up', 'check': 'check', 'check-circle': 'circle-check', 'check-circle-filled': 'circle-check',
  'chevron-down': 'chevron-down', 'chevron-left': 'chevron-left', 'chevron-right': 'chevron-right', 'chevron-up': 'chevron-up',
  'close': 'x', 'close-circle': 'circle-x', 'close-circle-filled': 'circle-x', 'delete': 'trash-2', 'error': 'x',
  'error-circle': 'circle-alert', 'error-circle-filled': 'circle-alert', 'help-circle': 'circle-question-mark', 'home': 'house',
  'image-error': 'image-off', 'info-circle': 'info', 'info-circle-filled': 'info', 'loading': 'loader', 'minus': 'minus',
  'minus-circle-filled': 'circle-minus', 'more': 'ellipsis', 'remove': 'minus', 'search': 'search', 'star-filled': 'star',
  'swap-right': 'arrow-right', 'upload': 'upload', 'user': 'user', 'volume': 'volume-2',
} // prettier-ignore
const FILLED = new Set(['star-filled'])

/** Every icon name that a page or the code may show: on <t-icon>, as a button's or a component's icon, in a record. */
export function usedIcons(dist) {
  const names = new Set(Object.keys(NAMES))
  for (const file of fs.readdirSync(dist, { recursive: true })) {
    if (!/\.(wxml|js)$/.test(file) || file.includes('miniprogram_npm')) continue
    const source = fs.readFileSync(path.join(dist, file), 'utf8')
    for (const [, value] of source.matchAll(/<t-icon[^>]*?\bname="([^"]+)"/g)) namesIn(value).forEach((name) => names.add(name))
    for (const [, value] of source.matchAll(/\b[a-z-]*icon="([^"]+)"/g)) namesIn(value).forEach((name) => names.add(name))
    for (const [, value] of source.matchAll(/\bicon: ["']([a-z0-9-]+)["']/g)) names.add(value)
  }
  return [...names].sort()
}

/** The names in an attribute: itself, or each text in its {{ expression }} that follows ?, : or ||. */
function namesIn(value) {
  if (!value.includes('{{')) return [value]
  return [...value.matchAll(/(?:\?|:|\|\|)\s*'([a-z0-9-]+)'/g)].map((match) => match[1])
}

export function iconStyles(names) {
  const rules = names.map((name) => {
    const url = `url("data:image/svg+xml,${encodeURIComponent(drawing(name)).replaceAll('%20', ' ').replaceAll('%3D', '=').replaceAll('%2F', '/').replaceAll('%3A', ':')}")`
    return `.t-icon-${name}{-webkit-mask-image:${url.replaceAll("'", '%27')};mask-image:${url.replaceAll("'", '%27')}}`
  })
  const base =
    '.t-icon--image{width:100%;height:100%}.t-icon__image{vertical-align:top;width:100%;height:100%}' +
    '.t-icon-base{display:block;width:1em;height:1em;background-color:currentColor;' +
    '-webkit-mask-repeat:no-repeat;mask-repeat:no-repeat;-webkit-mask-size:100% 100%;mask-size:100% 100%}' +
    '.t-icon{display:inline-block;width:1em;height:1em;line-height:1}'
  return `@import '../common/style/index.wxss';${base}${rules.join('')}`
}

/** Throws when neither TDesign's nor lucide's name for the icon is known: a blank square would say nothing. */
function drawing(name) {
  const file = path.join(SET, `${NAMES[name] ?? name}.svg`)
  if (!fs.existsSync(file)) throw new Error(`没有名为 ${name} 的图标：请在 lucide 图标集中选一个名称`)
  const svg = fs.readFileSync(file, 'utf8').replace(/<!--[\s\S]*?-->/g, '').replace(/\s+class="[^"]*"/, '')
  const coloured = svg.replaceAll('currentColor', '#000').replaceAll('"', "'").replace(/\s+/g, ' ').trim()
  return FILLED.has(name) ? coloured.replace("fill='none'", "fill='#000'") : coloured
}
