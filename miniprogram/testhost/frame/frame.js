// The knobs beside the phone: whose phone it is, where it is, its signal, its camera, what its owner allows.

const screen = document.getElementById('screen')
const knob = (id) => document.getElementById(id)
const say = (words) => (knob('heard').textContent = words)
const phone = () => screen.contentWindow.__PHONE__
const METRES_PER_DEGREE = 111_195
const TICK_MS = 500

const { people, spots, reaches } = await (await fetch('_world')).json()
for (const [n, person] of people.entries()) knob('person').add(new Option(`${person.title}　${person.name}`, n))
for (const [n, spot] of spots.entries()) knob('spot').add(new Option(spot.name, n))
for (const [n, reach] of reaches.entries()) knob('reach').add(new Option(reach.name, n))

let walking = null
let place = null

/** Start the mini program anew on the chosen person's phone; each has its own storage. */
function start() {
  const person = people[knob('person').value]
  localStorage.setItem('frame:person', knob('person').value)
  for (const key of Object.keys(localStorage).filter((key) => key.startsWith('wx:') || key.startsWith('host:'))) {
    const owner = localStorage.getItem('frame:owner') ?? '0'
    localStorage.setItem(`frame:kept:${owner}:${key}`, localStorage.getItem(key))
    localStorage.removeItem(key)
  }
  const own = `frame:kept:${knob('person').value}:`
  for (const key of Object.keys(localStorage).filter((key) => key.startsWith(own))) localStorage.setItem(key.slice(own.length), localStorage.getItem(key))
  localStorage.setItem('frame:owner', knob('person').value)
  screen.onload = () => {
    Object.assign(phone(), { user: person.user, number: person.phone, battery: Number(knob('battery').value) })
    if (place) phone().moveTo(place)
    phone().on('call', (number) => say(`拨打电话 ${number}`))
    phone().on('clipboard', (text) => say(`已复制：${text}`))
  }
  if (screen.src) screen.contentWindow.location.replace(new URL('app.html', location.href))
  else screen.src = 'app.html'
}

function moveTo(next) {
  place = { ...next, accuracy: 8, altitude: 1890 }
  phone()?.moveTo(place)
}

function walk() {
  if (walking) return stop()
  const line = reaches[knob('reach').value].line
  let [leg, along] = [0, 0]
  let metres = 0
  walking = setInterval(() => {
    const pace = Number(knob('speed').value)
    let step = (pace * TICK_MS) / 1000
    metres += step
    while (step > 0) {
      if (leg >= line.length - 1) return stop()
      const [[x0, y0], [x1, y1]] = [line[leg], line[leg + 1]]
      const length = Math.hypot((x1 - x0) * Math.cos((y0 * Math.PI) / 180), y1 - y0) * METRES_PER_DEGREE
      if (along + step < length) {
        along += step
        step = 0
        const share = along / length
        const noise = () => (Math.random() - 0.5) * 6 / METRES_PER_DEGREE
        moveTo({ longitude: x0 + (x1 - x0) * share + noise(), latitude: y0 + (y1 - y0) * share + noise(), speed: pace })
      } else {
        step -= length - along
        ;[leg, along] = [leg + 1, 0]
      }
    }
    knob('walked').textContent = `已走 ${Math.round(metres)} 米`
  }, TICK_MS)
  knob('walk').textContent = '停下'
}

function stop() {
  clearInterval(walking)
  walking = null
  knob('walk').textContent = '开始走'
}

knob('person').onchange = start
knob('spot').onchange = () => {
  const { lon, lat } = spots[knob('spot').value]
  moveTo({ longitude: lon, latitude: lat, speed: 0 })
}
knob('walk').onclick = walk
knob('network').onclick = () => {
  phone().setNetwork(phone().online ? 'none' : '4g')
  knob('network').textContent = phone().online ? '断开网络' : '恢复网络'
}
knob('hide').onclick = () => {
  if (phone().hidden) phone().show()
  else phone().hide()
  knob('hide').textContent = phone().hidden ? '回到前台' : '切到后台'
}
knob('kill').onclick = () => screen.contentWindow.location.reload()
knob('battery').oninput = () => (phone().battery = Number(knob('battery').value))
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
  indexedDB.deleteDatabase('wx-files')
  screen.contentWindow.location.reload()
}

knob('person').value = localStorage.getItem('frame:person') ?? '0'
knob('spot').dispatchEvent(new Event('change'))
start()
