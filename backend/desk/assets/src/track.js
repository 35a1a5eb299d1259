// A patrol played back on a map: <div data-track="GeoJSON" data-county="address">. The player is made here, because it
// is of no use without a script; everything that is known of the patrol stands beside it as text.
import L from 'leaflet'

const SPEEDS = [['30', '30 倍速'], ['60', '60 倍速'], ['120', '120 倍速'], ['300', '300 倍速']]
const MARKS = { photo: ['shot', 12], finding: ['late', 14], checkpoint: ['point', 10] }
const STEP_MS = 50
const clock = new Intl.DateTimeFormat('zh-CN', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false, timeZone: 'Asia/Shanghai' })

export async function drawTrack(box, dot, ground) {
  const [answer, county] = await Promise.all([fetch(box.dataset.track), fetch(box.dataset.county)])
  if (!answer.ok || !county.ok) return say(box, '轨迹没有取到，请刷新页面再试。')
  const [data, land] = [await answer.json(), await county.json()]
  const map = L.map(box, { maxZoom: 18, attributionControl: false, scrollWheelZoom: false })
  map.zoomControl.setPosition('topright')
  ground(map, land)
  const lines = data.features.filter((one) => one.properties.kind === 'track')
  const pieces = lines.map((line) => line.geometry.coordinates.map(([lon, lat], n) => ({ at: Date.parse(line.properties.times[n]), place: [lat, lon] })))
  const all = L.featureGroup().addTo(map)
  pieces.forEach((piece, n) => {
    L.polyline(piece.map((one) => one.place), { color: '#0b6b78', weight: 4 }).addTo(all)
    if (n) gap(pieces[n - 1].at(-1), piece[0]).addTo(all)
  })
  for (const { geometry, properties } of data.features.filter((one) => one.geometry.type === 'Point')) {
    const [kind, size] = MARKS[properties.kind]
    const title = `${properties.name}${properties.time ? ' ' + clock.format(new Date(properties.time)) : ''}`
    L.marker([...geometry.coordinates].reverse(), { icon: dot(kind, size), title, alt: title }).bindPopup(card(title, properties.id)).addTo(all)
  }
  if (pieces.length || all.getLayers().length) map.fitBounds(all.getBounds(), { padding: [24, 24], maxZoom: 16 })
  if (pieces.length) play(box, map, pieces, dot)
  else say(box, '没有可以画出的轨迹。')
  box.dataset.drawn = '1'
}

// Between two pieces nothing was seen: drawn as what it is, not as a way that was walked.
function gap(before, after) {
  const minutes = Math.max(1, Math.round((after.at - before.at) / 60000))
  return L.polyline([before.place, after.place], { color: '#b3261e', weight: 2, dashArray: '4 6' }).bindTooltip(`${minutes} 分钟没有定位`, { sticky: true })
}

function card(title, id) {
  const node = document.createElement('div')
  const words = document.createElement('div')
  words.textContent = title
  node.append(words)
  const shot = document.querySelector(`[data-shot="${CSS.escape(id)}"]`)
  if (shot) node.append(shot.cloneNode(true))
  return node
}

function say(box, words) {
  const line = document.createElement('p')
  line.className = 'soft small'
  line.textContent = words
  box.after(line)
}

function play(box, map, pieces, dot) {
  const points = pieces.flat()
  const [from, to] = [points[0].at, points.at(-1).at]
  const panel = document.createElement('div')
  panel.className = 'player'
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'main', textContent: '开始' })
  const range = Object.assign(document.createElement('input'), { type: 'range', min: '0', max: String(to - from), step: '1000', value: '0' })
  range.setAttribute('aria-label', '回放到什么时候')
  const speed = document.createElement('select')
  speed.setAttribute('aria-label', '回放速度')
  SPEEDS.forEach(([value, title]) => speed.append(new Option(title, value, value === '60', value === '60')))
  const time = document.createElement('output')
  panel.append(button, range, time, speed)
  box.after(panel)
  const walker = L.marker(points[0].place, { icon: dot('patrol', 18), keyboard: false, zIndexOffset: 1000, alt: '河长' }).addTo(map)
  let [now, timer] = [from, 0]
  const show = () => {
    const seen = place(pieces, now)
    walker.setLatLng(seen.place)
    walker.setOpacity(seen.gap ? 0.35 : 1)
    range.value = String(now - from)
    time.textContent = clock.format(new Date(now)) + (seen.gap ? ' 没有定位' : '')
    range.setAttribute('aria-valuetext', time.textContent)
    if (!map.getBounds().contains(seen.place)) map.panTo(seen.place)
  }
  const stop = () => {
    clearInterval(timer)
    timer = 0
    button.textContent = now >= to ? '重放' : '继续'
  }
  const step = () => {
    now = Math.min(to, now + STEP_MS * Number(speed.value))
    show()
    if (now >= to) stop()
  }
  button.addEventListener('click', () => {
    if (timer) return stop()
    if (now >= to) now = from
    button.textContent = '暂停'
    timer = setInterval(step, STEP_MS)
  })
  range.addEventListener('input', () => {
    now = from + Number(range.value)
    show()
    if (!timer) stop()
  })
  show()
}

// Where the chief was at a moment: between two points of a piece on the straight line, in a gap at its beginning.
function place(pieces, at) {
  for (const [n, piece] of pieces.entries()) {
    if (at > piece.at(-1).at && n + 1 < pieces.length) {
      if (at < pieces[n + 1][0].at) return { place: piece.at(-1).place, gap: true }
      continue
    }
    const after = Math.max(1, piece.findIndex((one) => one.at >= at))
    const [a, b] = [piece[after - 1], piece[after]]
    const share = Math.min(1, Math.max(0, b.at === a.at ? 0 : (at - a.at) / (b.at - a.at)))
    return { place: a.place.map((from, k) => from + (b.place[k] - from) * share), gap: false }
  }
  return { place: pieces.at(-1).at(-1).place, gap: false }
}
