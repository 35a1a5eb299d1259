// Elements that only show something: <progress>, <rich-text>, <icon>, <text>, <root-portal>.
import { attribute, nodeOf, reflected } from './element.js'

function bar(node, percent) {
  node.style.setProperty('--percent', `${Math.max(0, Math.min(100, percent || 0))}%`)
  attribute(node, 'aria-valuenow', percent || 0)
}

export const showing = {
  'progress': {
    holds: false,
    properties: {
      percent: reflected(Number, bar), showInfo: Boolean, active: Boolean, strokeWidth: Number, color: String, activeColor: String,
      backgroundColor: String, activeMode: String, borderRadius: null, fontSize: null, duration: Number,
    },
    lifetimes: {
      attached() {
        nodeOf(this).setAttribute('role', 'progressbar')
        bar(nodeOf(this), this.data.percent)
      },
    },
  },
  // Words only: nothing that users wrote may become an element.
  'rich-text': { holds: false, properties: { nodes: reflected(null, (node, nodes) => (node.textContent = plain(nodes))), space: String } },
  'icon': { holds: false, properties: { type: String, size: null, color: String } },
  'text': { properties: { selectable: Boolean, userSelect: Boolean, space: String, decode: Boolean } },
  'root-portal': { properties: { enable: Boolean } },
} // prettier-ignore

function plain(nodes) {
  if (typeof nodes === 'string') return nodes.replace(/<[^>]+>/g, '')
  return (nodes ?? []).map((node) => (node.type === 'text' ? node.text : plain(node.children))).join('')
}
