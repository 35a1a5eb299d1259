// <map>: Web Mercator in GCJ-02 as WeChat's, without tiles: a grid, lines, areas, circles and markers drawn as SVG. It can
// be dragged, zoomed by its buttons, tapped, and its markers are buttons with names.
import { nodeOf, reflected } from './element.js'
import { toGcj02 } from '../../../src/services/coordinates.ts'
import { phone } from '../phone.js'

const TILE = 256
const redraw = (type, value) => reflected(type, (_, __, component) => component.draw?.(), value)

const project = ({ latitude, longitude }, scale) => {
  const size = TILE * 2 ** scale
  const sine = Math.sin((latitude * Math.PI) / 180)
  return { x: ((longitude + 180) / 360) * size, y: (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * size }
}
const unproject = ({ x, y }, scale) => {
  const size = TILE * 2 ** scale
  const n = Math.PI * (1 - (2 * y) / size)
  return { longitude: (x / size) * 360 - 180, latitude: (Math.atan(Math.sinh(n)) * 180) / Math.PI }
}
const escape = (text) => String(text ?? '').replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
// WeChat writes colours with their opacity behind: #RRGGBBAA. So does SVG.
const colour = (value, otherwise) => escape(value || otherwise)

export const definition = {
  holds: false,
  properties: {
    latitude: redraw(Number), longitude: redraw(Number), scale: redraw(Number, 16), markers: redraw(Array), polyline: redraw(Array),
    polygons: redraw(Array), circles: redraw(Array), showLocation: redraw(Boolean), includePoints: redraw(Array),
    ...Object.fromEntries(['enableZoom', 'enableScroll', 'enableRotate', 'showCompass', 'showScale', 'enableSatellite', 'enablePoi', 'enableOverlooking', 'enable3D'].map((name) => [name, Boolean])),
    minScale: Number, maxScale: Number, subkey: String, layerStyle: Number, skew: Number, rotate: Number, setting: Object,
  },
  lifetimes: {
    attached() {
      this.view = null
      this.drag()
      this.draw()
      this.resized = new ResizeObserver(() => this.draw())
      this.resized.observe(nodeOf(this))
      this.moved = () => this.data.showLocation && this.draw()
      phone.on('place', this.moved)
    },
    detached() {
      this.resized.disconnect()
      phone.off('place', this.moved)
    },
  },
  methods: {
    centre() {
      return this.view?.centre ?? { latitude: this.data.latitude || 0, longitude: this.data.longitude || 0 }
    },
    moveTo({ latitude, longitude } = toGcj02(phone.place)) {
      this.view = { centre: { latitude, longitude }, scale: this.scale() }
      this.draw()
    },
    scale() {
      return this.view?.scale ?? (this.data.scale || 16)
    },
    includePoints(points) {
      if (!points?.length) return
      const [lats, lons] = [points.map((p) => p.latitude), points.map((p) => p.longitude)]
      const centre = { latitude: (Math.min(...lats) + Math.max(...lats)) / 2, longitude: (Math.min(...lons) + Math.max(...lons)) / 2 }
      let scale = 18
      const node = nodeOf(this)
      const fits = () => points.every((point) => {
        const [a, b] = [project(point, scale), project(centre, scale)]
        return Math.abs(a.x - b.x) < node.clientWidth / 2 - 24 && Math.abs(a.y - b.y) < node.clientHeight / 2 - 24
      })
      while (scale > 3 && !fits()) scale -= 0.5
      this.view = { centre, scale }
      this.draw()
    },
    draw() {
      const node = nodeOf(this)
      if (!node) return
      const properties = [this.data.latitude, this.data.longitude, this.data.scale, JSON.stringify(this.data.includePoints ?? [])].join()
      if (properties !== this.drawnFor) {
        this.drawnFor = properties
        this.view = null
        if (this.data.includePoints?.length) return this.includePoints(this.data.includePoints)
      }
      const [width, height] = [node.clientWidth || 300, node.clientHeight || 150]
      const scale = this.scale()
      const middle = project(this.centre(), scale)
      const at = (point) => {
        const { x, y } = project(point, scale)
        return { x: x - middle.x + width / 2, y: y - middle.y + height / 2 }
      }
      const path = (points) => points.map((point) => at(point)).map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')
      const metre = 1 / ((40_075_016.686 * Math.cos((this.centre().latitude * Math.PI) / 180)) / (TILE * 2 ** scale))
      const parts = [grid(middle, width, height)]
      for (const area of this.data.polygons ?? []) parts.push(`<polygon points="${path(area.points)}" fill="${colour(area.fillColor, '#0b6b7822')}" stroke="${colour(area.strokeColor, '#0b6b78')}" stroke-width="${area.strokeWidth ?? 1}"/>`)
      for (const circle of this.data.circles ?? []) {
        const { x, y } = at(circle)
        parts.push(`<circle cx="${x}" cy="${y}" r="${circle.radius * metre}" fill="${colour(circle.fillColor, '#0b6b7822')}" stroke="${colour(circle.color, '#0b6b78')}" stroke-width="${circle.strokeWidth ?? 1}"/>`)
      }
      for (const line of this.data.polyline ?? []) parts.push(`<polyline points="${path(line.points)}" fill="none" stroke="${colour(line.color, '#0b6b78')}" stroke-width="${line.width ?? 3}" stroke-linejoin="round" ${line.dottedLine ? 'stroke-dasharray="6 6"' : ''}/>`)
      if (this.data.showLocation) {
        const { x, y } = at(toGcj02(phone.place))
        parts.push(`<circle cx="${x}" cy="${y}" r="9" fill="#3b82f6" stroke="#fff" stroke-width="3"/>`)
      }
      node.innerHTML = `<svg width="${width}" height="${height}" aria-hidden="true">${parts.join('')}</svg>` + (this.data.markers ?? []).map((marker) => pin(marker, at(marker))).join('') + '<span class="wx-zoom"><button aria-label="放大地图">＋</button><button aria-label="缩小地图">－</button></span>'
      node.querySelectorAll('[data-marker]').forEach((button) => button.addEventListener('click', (event) => {
        event.stopPropagation()
        this.triggerEvent('markertap', { markerId: Number(button.dataset.marker) })
      }))
      const zooms = node.querySelectorAll('.wx-zoom button')
      zooms.forEach((button, n) => button.addEventListener('click', (event) => {
        event.stopPropagation()
        this.view = { centre: this.centre(), scale: Math.max(3, Math.min(20, scale + (n ? -1 : 1))) }
        this.draw()
      }))
    },
    drag() {
      const node = nodeOf(this)
      let from = null
      let moved = false
      node.addEventListener('pointerdown', (event) => {
        from = { x: event.clientX, y: event.clientY, middle: project(this.centre(), this.scale()) }
        moved = false
      })
      node.addEventListener('pointermove', (event) => {
        if (!from) return
        const [dx, dy] = [event.clientX - from.x, event.clientY - from.y]
        if (!moved && Math.hypot(dx, dy) < 6) return
        if (!moved) this.triggerEvent('regionchange', { type: 'begin', causedBy: 'gesture' })
        moved = true
        this.view = { centre: unproject({ x: from.middle.x - dx, y: from.middle.y - dy }, this.scale()), scale: this.scale() }
        this.draw()
      })
      window.addEventListener('pointerup', () => {
        if (from && moved) this.triggerEvent('regionchange', { type: 'end', causedBy: 'drag', detail: { centerLocation: this.centre(), scale: this.scale() }, centerLocation: this.centre() })
        from = null
      })
      node.addEventListener('click', (event) => {
        if (moved || event.target.closest('button')) return
        const box = node.getBoundingClientRect()
        const middle = project(this.centre(), this.scale())
        this.triggerEvent('tap', unproject({ x: middle.x + event.clientX - box.left - box.width / 2, y: middle.y + event.clientY - box.top - box.height / 2 }, this.scale()))
      })
    },
  },
} // prettier-ignore

function grid(middle, width, height) {
  const step = 64
  const [x0, y0] = [-(middle.x % step), -(middle.y % step)]
  let lines = ''
  for (let x = x0; x < width + step; x += step) lines += `M${x.toFixed(1)} 0V${height}`
  for (let y = y0; y < height + step; y += step) lines += `M0 ${y.toFixed(1)}H${width}`
  return `<path d="${lines}" stroke="#cfdbe0" fill="none"/>`
}

function pin(marker, { x, y }) {
  const name = escape(marker.ariaLabel || marker.title || marker.callout?.content || marker.label?.content || `标记 ${marker.id}`)
  const words = escape(marker.callout?.display === 'ALWAYS' ? marker.callout.content : marker.label?.content ?? '')
  return `<button class="wx-pin" data-marker="${Number(marker.id)}" aria-label="${name}" style="left:${x.toFixed(1)}px;top:${y.toFixed(1)}px">${words ? `<i>${words}</i>` : ''}</button>`
}
