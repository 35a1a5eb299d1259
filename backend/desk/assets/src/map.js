// Maps of the county: its own boundaries and rivers; tiles of 天地图 only when a key is configured.
// <div data-map data-county="address" [data-lon data-lat] [data-layers="address" data-refresh="seconds"] [data-tiles]>
import L from 'leaflet'
import 'leaflet.markercluster'
import { drawTrack } from './track.js'

const TONE = { late: '#b3261e', soon: '#8a5300', busy: '#0b6b78', calm: '#5d9aa3' }
const dot = (kind, size, text = '') => L.divIcon({ className: '', html: pin(kind, size, text), iconSize: [size, size] })
function pin(kind, size, text) {
  const node = document.createElement('div')
  node.className = `pin ${kind}`
  node.style.width = node.style.height = `${size}px`
  node.textContent = text
  return node
}

function popup(lines, href) {
  const box = document.createElement('div')
  lines.filter(Boolean).forEach((line) => {
    const p = document.createElement('div')
    p.textContent = line
    box.append(p)
  })
  if (href) {
    const link = document.createElement('a')
    link.href = href
    link.textContent = '打开'
    box.append(link)
  }
  return box
}

function tiles(map, key) {
  for (const layer of ['vec_w', 'cva_w'])
    L.tileLayer(`https://t{s}.tianditu.gov.cn/DataServer?T=${layer}&x={x}&y={y}&l={z}&tk=${key}`, { subdomains: '01234567', maxZoom: 18, zoomSnap: 0.25, attribution: '天地图' }).addTo(map)
}

async function draw(box) {
  const { county, lon, lat, layers, refresh, tiles: key, pick } = box.dataset
  const map = L.map(box, { maxZoom: 18, attributionControl: Boolean(key), zoomControl: true, scrollWheelZoom: Boolean(layers) })
  map.zoomControl.setPosition('topright')
  if (key) tiles(map, key)
  const ground = await (await fetch(county)).json()
  const towns = L.geoJSON(ground.townships, { style: { color: '#8fa3a9', weight: 1, fillColor: '#fff', fillOpacity: key ? 0 : 0.7 } }).addTo(map)
  const rivers = {}
  const select = pick ? document.getElementById(pick) : null
  L.geoJSON(ground.reaches, {
    style: { color: TONE.calm, weight: 4 },
    onEachFeature: ({ properties }, line) => {
      rivers[properties.code] = line
      line.bindTooltip(properties.name, { sticky: true })
      if (select) line.on('click', () => choose(select, properties.lead))
    },
  }).addTo(map)
  towns.eachLayer((town) => {
    const { name, code } = town.feature.properties
    if (layers) town.bindTooltip(name, { permanent: true, direction: 'center', className: 'place-name' })
    if (select) town.on('click', () => choose(select, code))
  })
  if (lon) {
    L.marker([Number(lat), Number(lon)], { icon: dot('late', 16), keyboard: false }).addTo(map)
    map.setView([Number(lat), Number(lon)], 11)
  } else map.fitBounds(towns.getBounds(), { padding: [8, 8] })
  if (layers) {
    const shown = L.layerGroup().addTo(map)
    const update = async () => {
      const answer = await fetch(layers)
      if (!answer.ok) return
      show(await answer.json(), shown, rivers)
    }
    await update()
    if (refresh) setInterval(update, Number(refresh) * 1000)
  }
  box.dataset.drawn = '1'
}

function choose(select, code) {
  select.value = code
  select.dispatchEvent(new Event('change', { bubbles: true }))
  select.focus()
}

function show(data, shown, rivers) {
  shown.clearLayers()
  for (const [code, line] of Object.entries(rivers)) line.setStyle({ color: TONE[data.reaches[code] ?? 'calm'] })
  const cluster = L.markerClusterGroup({
    showCoverageOnHover: false, maxClusterRadius: 36,
    iconCreateFunction: (group) => {
      const kinds = group.getAllChildMarkers().map((one) => one.options.kind)
      return dot(kinds.includes('late') ? 'late' : kinds.includes('soon') ? 'soon' : 'busy', 30, String(group.getChildCount()))
    },
  })
  for (const one of data.cases) {
    const lines = [one.number, `${one.category} · ${one.state}`, one.unit, one.due]
    cluster.addLayer(L.marker([one.lat, one.lon], { icon: dot(one.tone, 14), kind: one.tone, title: `${one.number} ${one.category}`, alt: one.number }).bindPopup(popup(lines, one.url)))
  }
  shown.addLayer(cluster)
  for (const one of data.patrols) shown.addLayer(L.marker([one.lat, one.lon], { icon: dot('patrol', 16), title: `巡河 ${one.name}`, alt: one.name }).bindPopup(popup([`巡河中：${one.name}`, one.unit])))
  for (const one of data.sources) shown.addLayer(L.marker([one.lat, one.lon], { icon: dot('source', 10), title: one.name, alt: one.name }).bindPopup(popup([one.name, one.kind])))
}

// The county beneath a track: townships and rivers, quiet.
function ground(map, land) {
  L.geoJSON(land.townships, { interactive: false, style: { color: '#8fa3a9', weight: 1, fillColor: '#fff', fillOpacity: 0.7 } }).addTo(map)
  L.geoJSON(land.reaches, { style: { color: '#a9cdd4', weight: 6 }, onEachFeature: ({ properties }, line) => line.bindTooltip(properties.name, { sticky: true }) }).addTo(map)
}

document.addEventListener('DOMContentLoaded', () => {
  document.querySelectorAll('[data-map]').forEach(draw)
  document.querySelectorAll('[data-track]').forEach((box) => drawTrack(box, dot, ground))
})
