// A patrol while it is walked: the track on the map, minutes, metres, coverage; photo, finding, checkpoint; pause, end.
import * as platform from '../../../platform/index'
import type { Box, Visited } from '../../../services/boxes'
import { metresBetween, toGcj02 } from '../../../services/coordinates'
import { lacking, neededFor, reachesNamed } from '../../../services/ground'
import { changedLines, marker, piecesOf, river, walked, type MapLine, type Marker } from '../../../services/maps'
import * as patrolling from '../../../services/patrolling'
import { tokenIn } from '../../../services/public'
import { when } from '../../../services/words'

const REDRAW_MS = 1000
const REDRAW_LONG_MS = 5000
const LONG_TRACK = 300
const PLACE_CAP_M = 100
const STALE_MS = 45_000
/** After so long a patrol that was cut off is over: going on would be another one. */
const OVER_MS = 12 * 3600_000

interface Near {
  code: string
  name: string
  kind: string
  metres: number
  reached: boolean
  done: boolean
}

let stop: (() => void) | undefined
let redraw: ReturnType<typeof setTimeout> | undefined

Component({
  properties: { id: String },
  data: {
    phase: 'walking' as 'walking' | 'paused' | 'interrupted' | 'none',
    practice: false,
    where: '',
    began: '',
    minutes: 0,
    metres: 0,
    share: 0,
    lacking: '',
    enough: false,
    latitude: 0,
    longitude: 0,
    scale: 16,
    following: true,
    lines: [] as MapLine[],
    markers: [] as Marker[],
    place: '',
    placeTone: '',
    mode: '',
    unsent: '',
    full: false,
    over: false,
    near: null as Near | null,
    places: '',
    /** There is a board to visit, and the phone does not know where it is. */
    scannable: false,
    scanned: '',
    seen: '',
    busy: false,
  },
  lifetimes: {
    attached() {
      stop = patrolling.onPatrol(() => this.soon())
      void this.load()
    },
    detached() {
      stop?.()
      if (redraw !== undefined) clearTimeout(redraw)
      redraw = undefined
    },
  },
  pageLifetimes: {
    show() {
      void this.load()
    },
  },
  methods: {
    box(): Box | undefined {
      const box = patrolling.box(this.properties.id)
      return box?.phase === 'ended' ? undefined : box
    },

    async load() {
      await patrolling.ready()
      const box = this.box()
      if (!box) return this.setData({ phase: 'none' })
      const lines = reachesNamed(box.start.reaches).map((reach) => reach.line)
      const first = lines[0]?.[0]
      if (!this.data.latitude && first) this.setData({ ...toGcj02({ longitude: first[0], latitude: first[1] }), scale: 15 })
      this.show()
    },

    /** Redraw soon, once for all that changes meanwhile: an old phone has enough to do. */
    soon() {
      const box = this.box()
      if (!box || redraw !== undefined) return
      const long = patrolling.trackOf(box).length > LONG_TRACK
      redraw = setTimeout(() => {
        redraw = undefined
        this.show()
      }, long ? REDRAW_LONG_MS : REDRAW_MS)
    },

    show() {
      const box = this.box()
      if (!box) return this.setData({ phase: 'none' })
      const found = patrolling.figures(box)
      const needed = neededFor(box.start.role, box.start.unit, box.start.reaches)
      const settled = box.items.some((item) => item.kind === 'finding' && item.settled)
      const left = lacking(needed, found, settled)
      const reaches = reachesNamed(box.start.reaches)
      const interrupted = box.phase === 'walking' && patrolling.mode() === 'off'
      const last = patrolling.lastPlace(box)
      this.setData({
        phase: interrupted ? 'interrupted' : box.phase === 'paused' ? 'paused' : 'walking',
        practice: box.start.practice,
        where: box.start.reaches.map((code) => box.names[code] ?? code).join('、'),
        began: when(box.start.started_at),
        minutes: found.minutes,
        metres: found.metres,
        share: Math.round(100 * Math.max(0, ...Object.values(found.coverage))),
        lacking: left.join('、'),
        enough: Boolean(needed) && !left.length,
        ...changedLines(this.data.lines, [...reaches.map((reach) => river(reach.line)), ...walked(piecesOf(patrolling.trackOf(box)))]),
        full: patrolling.storageFull(),
        over: Date.now() - (last?.at ?? new Date(box.start.started_at).getTime()) > OVER_MS,
      })
      if (last && this.data.following) this.setData(toGcj02(last))
      this.showPlace(box, last)
      this.showWaiting(box)
      this.showPlaces(box, last)
    },

    showPlace(box: Box, last: ReturnType<typeof patrolling.lastPlace>) {
      const stale = !last || Date.now() - last.at > STALE_MS
      const vague = Boolean(last?.accuracy && last.accuracy > 50)
      const words = stale ? '还没有定到位，请到空旷的地方' : `定位正常，误差约 ${Math.round(last.accuracy ?? 10)} 米`
      this.setData({
        place: box.phase === 'paused' ? '暂停中，没有记轨迹' : vague && !stale ? `定位不太准，误差约 ${Math.round(last?.accuracy ?? 0)} 米` : words,
        placeTone: box.phase === 'walking' && (stale || vague) ? 'warn' : '',
        mode: patrolling.mode(),
      })
    },

    showWaiting(box: Box) {
      const { points, photos, findings, total } = patrolling.counts(box)
      const parts = [points ? `${points} 个轨迹点` : '', photos ? `${photos} 张照片` : '', findings ? `${findings} 个问题` : ''].filter(Boolean)
      const found = box.items.filter((item) => item.kind === 'finding').length
      const shots = box.items.filter((item) => item.kind === 'shot').length
      this.setData({
        unsent: total && parts.length ? `还没发出：${parts.join('、')}` : '',
        seen: [found ? `发现问题 ${found} 个` : '', shots ? `拍照 ${shots} 张` : ''].filter(Boolean).join('，'),
      })
    },

    showPlaces(box: Box, last: ReturnType<typeof patrolling.lastPlace>) {
      const places = reachesNamed(box.start.reaches).flatMap((reach) => reach.checkpoints)
      const visited = box.items.filter((item): item is Visited => item.kind === 'visit' && item.reached !== false)
      const done = new Set(visited.map((visit) => visit.checkpoint).filter(Boolean))
      const stale = !last || Date.now() - last.at > STALE_MS
      const unclear = visited.filter((visit) => !visit.checkpoint).length
      const allowed = Math.min(last?.accuracy ?? 0, PLACE_CAP_M)
      const near = places
        .map((one): Near => {
          const metres = last ? Math.round(metresBetween(last, { longitude: one.lon, latitude: one.lat })) : Infinity
          return { code: one.code, name: one.name, kind: one.kind_title, metres, reached: metres <= one.near_m + allowed, done: done.has(one.code) }
        })
        .filter((one) => !one.done)
        .sort((a, b) => a.metres - b.metres)[0]
      const found = box.items.flatMap((item) => (item.kind === 'finding' ? [{ at: item.place, title: item.categoryName }] : []))
      this.setData({
        near: near && near.metres < Infinity ? near : null,
        places: places.length ? `打卡点 ${done.size}/${places.length}` : '',
        scannable: stale && places.some((one) => one.kind === 'board' && !done.has(one.code)),
        scanned: unclear ? `扫码打卡 ${unclear} 次，发出后核对` : '',
        markers: [
          ...places.map((one, n) => marker(n, { longitude: one.lon, latitude: one.lat }, `${done.has(one.code) ? '✓' : ''}${one.kind_title}`, true)),
          ...found.map((one, n) => marker(places.length + n, one.at, one.title, true)),
        ],
      })
    },

    moved(event: WechatMiniprogram.CustomEvent) {
      const { causedBy, detail } = event as unknown as { causedBy?: string; detail: { causedBy?: string; type?: string } }
      const by = detail.causedBy ?? causedBy
      if (by === 'drag' || by === 'gesture' || by === 'scale') this.setData({ following: false })
    },
    backToMe() {
      this.setData({ following: true })
      this.show()
    },

    async shoot() {
      const box = this.box()
      if (!box) return
      try {
        const photos = await patrolling.takePhotos(box, 9)
        for (const photo of photos) await patrolling.shoot(box, photo)
        platform.say(`照片存好了，共 ${photos.length} 张`)
      } catch (error) {
        await this.explain(error, '没有允许使用相机，拍不了照片。')
      }
    },
    find() {
      void platform.go(`/packages/chief/finding/finding?id=${this.properties.id}`)
    },
    async visit() {
      const [box, near] = [this.box(), this.data.near]
      const last = box && patrolling.lastPlace(box)
      if (!box || !near || !last) return
      await patrolling.visit(box, {
        checkpoint: near.code,
        name: near.name,
        place: { longitude: last.longitude, latitude: last.latitude, accuracy: last.accuracy },
        photos: [],
      })
      platform.buzz()
      platform.say(`已打卡：${near.name}`, 'success')
      this.show()
    },

    /** Under a bridge or between rocks the phone has no place: the board's code tells that the chief stood before it. */
    async scanBoard() {
      const box = this.box()
      if (!box) return
      try {
        const token = tokenIn(await platform.scan())
        if (!token) return platform.say('这不是公示牌上的二维码，请对准公示牌再扫。')
        const last = patrolling.lastPlace(box)
        const fresh = last && Date.now() - last.at <= STALE_MS
        const place = fresh ? { longitude: last.longitude, latitude: last.latitude, accuracy: last.accuracy } : null
        await patrolling.visit(box, { checkpoint: '', token, name: '公示牌', place, photos: [] })
        platform.buzz()
        platform.say('已扫码打卡，发出后会核对', 'success')
        this.show()
      } catch (error) {
        await this.explain(error, '没有允许使用相机，扫不了码。')
      }
    },

    async pause() {
      await patrolling.pause()
      this.show()
    },
    async resume() {
      if (this.data.busy) return
      this.setData({ busy: true })
      try {
        await patrolling.resume()
      } catch (error) {
        await this.explain(error, '没有允许使用位置，记不下您走过的路。')
      } finally {
        this.setData({ busy: false })
        this.show()
      }
    },
    /** The screen may go dark from now on, if the owner changes the permission. */
    async allowBackground() {
      if (!(await platform.ask('锁屏也能记', '请在设置的“位置信息”里选“使用小程序时和离开后”。', '去设置'))) return
      await platform.openSettings()
      await patrolling.follow().catch(async (error) => this.explain(error, '没有允许使用位置。'))
      this.show()
    },

    async finish() {
      const box = this.box()
      if (!box || this.data.busy) return
      const left = this.data.lacking
      const words = left ? `还差 ${left}。现在结束，这次可能不算数。` : '结束后就不再记轨迹了。'
      if (!(await platform.ask('结束巡河？', words, '结束', '接着走'))) return
      await this.end(box, false)
    },
    async finishThere() {
      const box = this.box()
      if (box && (await platform.ask('就在断开的地方结束？', '断开以后走的路没有记下来。', '结束', '再想想'))) await this.end(box, true)
    },
    async end(box: Box, cutOff: boolean) {
      this.setData({ busy: true })
      try {
        await patrolling.finish(box, cutOff)
        await platform.replace(`/packages/chief/patrol/patrol?id=${box.id}`)
      } finally {
        this.setData({ busy: false })
      }
    },

    async explain(error: unknown, denied: string) {
      if (!(error instanceof platform.Refused)) throw error
      if (error.reason === 'full') platform.say('手机存储满了，照片没有存下。请删掉一些东西再拍。')
      else if (error.reason === 'privacy') platform.say('同意隐私说明后才能用')
      else if (error.reason === 'denied' && (await platform.ask('需要您的允许', `${denied}要去设置里打开吗？`, '去设置'))) await platform.openSettings()
      else if (error.reason !== 'denied' && error.reason !== 'cancelled') platform.say('没有成功，请再试一次')
    },
    queue() {
      void platform.go('/packages/chief/queue/queue')
    },
    duties() {
      void platform.replace('/packages/chief/duties/duties')
    },
  },
})
