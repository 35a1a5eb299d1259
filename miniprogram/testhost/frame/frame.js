// The knobs beside the phone: whose phone it is, where it is, its signal, its camera, what its owner allows.

const screen = document.getElementById('screen')
const knob = (id) => document.getElementById(id)
const say = (words) => (knob('heard').textContent = words)
const phone = () => screen.contentWindow.__PHONE__
const METRES_PER_DEGREE = 111_195
const TICK_MS = 500
const WALKING_MPS = 1.2
const STEP_MS = 4000 // of the phone's time: so often it tells its place while time is run fast

const { people, spots, reaches } = await (await fetch('_world')).json()
for (const [n, person] of people.entries()) knob('person').add(new Option(`${person.title}　${person.name}`, n))
for (const [n, spot] of spots.entries()) knob('spot').add(new Option(spot.name, n))
for (const [n, reach] of reaches.entries()) knob('reach').add(new Option(reach.name, n))

let walking = null
let place = null
let network = '4g'
let { ahead = 0 } = JSON.parse(localStorage.getItem('frame:phone') ?? '{}')
let hurried = false

/** What the phone still is when the app has been killed: written where its next start reads it. */
function keep() {
  const person = people[knob('person').value]
  const kept = { user: person.user, number: person.phone, battery: Number(knob('battery').value), network, ahead, ...(place ? { place } : {}) }
  localStorage.setItem('frame:phone', JSON.stringify(kept))
  return kept
}

function setNetwork(next) {
  network = next
  keep()
  phone()?.setNetwork(next)
  knob('network').textContent = next === 'none' ? '恢复网络' : '断开网络'
}

/** Start the mini program anew on the chosen person's phone; each has its own storage. */
function start() {
  localStorage.setItem('frame:person', knob('person').value)
  for (const key of Object.keys(localStorage).filter((key) => key.startsWith('wx:') || key.startsWith('host:'))) {
    const owner = localStorage.getItem('frame:owner') ?? '0'
    localStorage.setItem(`frame:kept:${owner}:${key}`, localStorage.getItem(key))
    localStorage.removeItem(key)
  }
  const own = `frame:kept:${knob('person').value}:`
  for (const key of Object.keys(localStorage).filter((key) => key.startsWith(own))) localStorage.setItem(key.slice(own.length), localStorage.getItem(key))
  localStorage.setItem('frame:owner', knob('person').value)
  keep()
  screen.onload = () => {
    knob('hide').textContent = '切到后台'
    phone().on('call', (number) => say(`拨打电话 ${number}`))
    phone().on('clipboard', (text) => say(`已复制：${text}`))
  }
  if (screen.src) screen.contentWindow.location.replace(new URL('app.html', location.href))
  else screen.src = 'app.html'
}

function moveTo(next) {
  place = { ...next, accuracy: 5 + Math.round(Math.random() * 6), altitude: 1890 }
  keep()
  phone()?.moveTo(place)
}

/**
 * Walk down the chosen reach at a walker's pace. "Fast" runs the phone's clock, not the walker: the server's clock cannot
 * run along, so the phone has no signal meanwhile, as on many a river, and sends everything afterwards.
 */
function walk() {
  if (walking) return stop()
  const line = reaches[knob('reach').value].line
  const times = Number(knob('speed').value)
  const way = { leg: 0, along: 0, metres: 0, error: [0, 0] }
  hurried = times > 1
  if (hurried) setNetwork('none')
  walking = setInterval(() => {
    if (!phone()) return // killed, and not up again
    let left = TICK_MS * times
    for (; left > 0; left -= STEP_MS) {
      const step = Math.min(left, hurried ? STEP_MS : TICK_MS)
      if (hurried) ahead = phone().ahead += step
      if (!advance(line, way, (WALKING_MPS * step) / 1000)) return stop()
    }
    knob('walked').textContent = `已走 ${Math.round(way.metres)} 米${ahead ? `，手机时间快 ${Math.round(ahead / 60_000)} 分钟` : ''}`
  }, TICK_MS)
  knob('walk').textContent = '停下'
}

/** Some metres further; false at the end of the line. The error of a phone wanders slowly. */
function advance(line, way, metres) {
  way.metres += metres
  for (let step = metres; step > 0; ) {
    if (way.leg >= line.length - 1) return false
    const [[x0, y0], [x1, y1]] = [line[way.leg], line[way.leg + 1]]
    const length = Math.hypot((x1 - x0) * Math.cos((y0 * Math.PI) / 180), y1 - y0) * METRES_PER_DEGREE
    if (way.along + step < length) {
      way.along += step
      step = 0
      const share = way.along / length
      way.error = way.error.map((old) => 0.9 * old + ((Math.random() - 0.5) * 5) / METRES_PER_DEGREE)
      moveTo({ longitude: x0 + (x1 - x0) * share + way.error[0], latitude: y0 + (y1 - y0) * share + way.error[1], speed: 0.9 + Math.random() * 0.6 })
    } else {
      step -= length - way.along
      Object.assign(way, { leg: way.leg + 1, along: 0 })
    }
  }
  return true
}

function stop() {
  clearInterval(walking)
  walking = null
  if (hurried) setNetwork('4g')
  hurried = false
  knob('walk').textContent = '开始走'
}

knob('person').onchange = start
knob('spot').onchange = () => {
  const { lon, lat } = spots[knob('spot').value]
  moveTo({ longitude: lon, latitude: lat, speed: 0 })
}
knob('walk').onclick = walk
knob('network').onclick = () => setNetwork(network === 'none' ? '4g' : 'none')
knob('hide').onclick = () => {
  if (phone().hidden) phone().show()
  else phone().hide()
  knob('hide').textContent = phone().hidden ? '回到前台' : '切到后台'
}
knob('kill').onclick = () => {
  keep()
  screen.contentWindow.location.reload()
}
knob('battery').oninput = () => {
  phone().battery = Number(knob('battery').value)
  keep()
}
knob('full').onchange = () => (phone().full = knob('full').checked)
knob('album').onchange = () => {
  phone().album.push(...knob('album').files)
  say(`相机里有 ${phone().album.length} 张照片待用`)
}
knob('scan').onchange = () => (phone().scan = knob('scan').value)
const permit = (answer) => () => {
  for (const scope of ['userLocation', 'userLocationBackground', 'userFuzzyLocation', 'camera', 'writePhotosAlbum']) phone().granted[`scope.${scope}`] = answer
}
knob('allow').onclick = permit(true)
knob('refuse').onclick = permit(false)
knob('forget').onclick = () => {
  for (const key of Object.keys(localStorage).filter((key) => key.startsWith('wx:') || key.startsWith('host:'))) localStorage.removeItem(key)
  indexedDB.deleteDatabase(`wx-files-${knob('person').value}`)
  ahead = 0
  keep()
  screen.contentWindow.location.reload()
}

knob('person').value = localStorage.getItem('frame:person') ?? '0'
knob('spot').dispatchEvent(new Event('change'))
start()
