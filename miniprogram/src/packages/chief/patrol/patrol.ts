// One patrol: on its way from this phone, then the verdict with every reason and what would have made it valid, the
// track, what was found, and the appeal.
import * as platform from '../../../platform/index'
import { toGcj02 } from '../../../services/coordinates'
import { lineOf, readPatrol, standing, type Patrol } from '../../../services/duties'
import { knownGround, reachesNamed } from '../../../services/ground'
import { send, unreachable } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { marker, piecesOf, river, walked, type MapLine, type Marker } from '../../../services/maps'
import * as patrolling from '../../../services/patrolling'
import { drop, take, upload, type Photo } from '../../../services/photos'
import { when } from '../../../services/words'

const LOOK_AGAIN_MS = [1500, 3000, 5000, 10_000, 20_000, 60_000]
const SIGNS = { true: { sign: 'circle-check', tone: 'good' }, false: { sign: 'circle-x', tone: 'bad' }, null: { sign: 'info', tone: '' } }
const ICONS = [{ icon: 'circle-check' }, { icon: 'circle-x' }, { icon: 'info' }]

let stop: (() => void) | undefined
let timer: ReturnType<typeof setTimeout> | undefined

type Reason = NonNullable<Patrol['verdict']>['reasons'][number]
const reason = (one: Reason) => ({ words: one.words, ...SIGNS[String(one.ok) as keyof typeof SIGNS] })
const appealed = (one: Patrol['appeals'][number]) => ({
  ...one,
  when: when(one.made_at),
  state: one.decided_at === null ? '等县河长办答复' : one.upheld ? '申诉成立，这次算有效' : '申诉没有得到支持',
  tone: one.decided_at === null ? 'warn' : one.upheld ? 'good' : 'danger',
})

Component({
  properties: { id: String },
  data: {
    page: LOADING as PageState,
    own: null as { words: string; parts: string; fault: string; minutes: number; metres: number } | null,
    patrol: null as Patrol | null,
    where: '',
    when: '',
    tag: { words: '', tone: '' },
    headline: '',
    minutes: 0,
    metres: 0,
    reasons: [] as ReturnType<typeof reason>[],
    told: [] as ReturnType<typeof reason>[],
    lines: [] as MapLine[],
    markers: [] as Marker[],
    latitude: 0,
    longitude: 0,
    appeals: [] as ReturnType<typeof appealed>[],
    canAppeal: false,
    along: false,
    text: '',
    photos: [] as Photo[],
    appealKey: '',
    looks: 0,
    icons: ICONS,
    busy: false,
  },
  lifetimes: {
    attached() {
      stop = patrolling.onPatrol(() => void this.show())
      void this.load()
    },
    detached() {
      stop?.()
      if (timer !== undefined) clearTimeout(timer)
      timer = undefined
    },
  },
  methods: {
    async load() {
      await patrolling.ready()
      await this.show()
    },
    async onPullDownRefresh() {
      void patrolling.flushPatrols(true)
      await this.show()
      await platform.stopRefreshing()
    },

    /** While the phone still has something of it, what that is; afterwards the server's word. */
    async show() {
      const box = patrolling.box(this.properties.id)
      if (!box) {
        this.setData({ own: null })
        return this.ask()
      }
      const { points, photos, findings, total } = patrolling.counts(box)
      const found = patrolling.figures(box)
      const parts = [points ? `${points} 个轨迹点` : '', photos ? `${photos} 张照片` : '', findings ? `${findings} 个问题` : ''].filter(Boolean)
      const last = patrolling.lastPlace(box)
      this.setData({
        page: READY,
        where: box.start.reaches.map((code) => box.names[code] ?? code).join('、'),
        when: when(box.start.started_at),
        own: {
          words: patrolling.sending() ? '正在发送…' : patrolling.wayWords() || '等着发送',
          parts: parts.length ? `还有 ${parts.join('、')}` : `还有 ${total} 项`,
          fault: box.final ? (box.words ?? '') : '',
          minutes: found.minutes,
          metres: found.metres,
        },
        lines: [...reachesNamed(box.start.reaches).map((reach) => river(reach.line)), ...walked(piecesOf(patrolling.trackOf(box)))],
        ...(last ? toGcj02(last) : {}),
      })
    },

    async ask() {
      try {
        const patrol = await readPatrol(this.properties.id)
        this.showPatrol(patrol)
        await this.showMap(patrol)
        if (patrol.phase === 'finished' && patrol.valid === null) this.lookAgain()
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },

    /** The verdict is made within seconds; ask a few times, ever more rarely. */
    lookAgain() {
      const wait = LOOK_AGAIN_MS[this.data.looks]
      if (wait === undefined || timer !== undefined) return
      this.setData({ looks: this.data.looks + 1 })
      timer = setTimeout(() => {
        timer = undefined
        void this.ask()
      }, wait)
    },

    showPatrol(patrol: Patrol) {
      const { verdict } = patrol
      const reasons = (verdict?.reasons ?? []).map(reason)
      this.setData({
        page: READY,
        patrol,
        where: patrol.reaches.map((reach) => reach.name).join('、'),
        when: when(patrol.began_at),
        tag: standing(patrol),
        headline: headline(patrol),
        minutes: Math.round(((verdict?.moving_s ?? 0) + (verdict?.still_s ?? 0)) / 60),
        metres: Math.round(verdict?.along_m ?? 0),
        reasons: reasons.filter((one) => one.tone),
        told: reasons.filter((one) => !one.tone),
        appeals: patrol.appeals.map(appealed).reverse(),
        canAppeal: patrol.allowed_actions.includes('appeal'),
        along: patrol.companions.some((one) => one.person === knownGround()?.person && !one.declined),
      })
    },

    async showMap(patrol: Patrol) {
      const lines = await lineOf(patrol.id)
      const pieces = lines.map((line) => line.points)
      const rivers = reachesNamed(patrol.reaches.map((reach) => reach.code))
      const first = pieces[0]?.[Math.floor((pieces[0]?.length ?? 0) / 2)]
      const river0 = rivers[0]?.line[0]
      const middle = first ?? (river0 && { longitude: river0[0], latitude: river0[1] })
      this.setData({
        lines: [...rivers.map((reach) => river(reach.line)), ...walked(pieces)],
        markers: patrol.findings.map((one, n) => marker(n, { longitude: one.lon, latitude: one.lat }, one.category_name, true)),
        ...(middle ? toGcj02(middle) : {}),
      })
    },

    typeText(event: WechatMiniprogram.Input) {
      this.setData({ text: event.detail.value })
    },
    async addPhoto() {
      try {
        this.setData({ photos: [...this.data.photos, ...(await take(9 - this.data.photos.length))] })
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
        if (error.reason !== 'cancelled') platform.say('照片没有加上，请再试一次')
      }
    },
    removePhoto(event: WechatMiniprogram.CustomEvent<{ index: number }>) {
      const gone = this.data.photos[event.detail.index]
      if (gone) drop(gone)
      this.setData({ photos: this.data.photos.filter((photo) => photo !== gone) })
    },
    async appeal() {
      if (!this.data.text.trim()) return platform.say('请写明理由')
      if (this.data.busy || !(await platform.ask('提出申诉？', '对这次判定只能申诉一次。', '提出'))) return
      const key = this.data.appealKey || platform.randomId()
      this.setData({ busy: true, appealKey: key })
      try {
        const photos: Photo[] = []
        for (const photo of this.data.photos) photos.push(await upload(photo, 'work', () => undefined))
        this.setData({ photos })
        const refs = photos.flatMap((photo) => (photo.ref ? [photo.ref] : []))
        await send('post', '/api/v1/patrols/{patrol_id}/appeal', {
          path: { patrol_id: this.properties.id },
          body: { text: this.data.text.trim(), ...(refs.length ? { photos: refs } : {}) } as never,
          key,
        })
        photos.forEach(drop)
        this.setData({ text: '', photos: [], appealKey: '' })
        platform.say('申诉已提出', 'success')
        await this.ask()
      } catch (error) {
        platform.say(unreachable(error).title)
      } finally {
        this.setData({ busy: false })
      }
    },
    /** Named as walking along, and was not there. */
    async decline() {
      if (this.data.busy || !(await platform.ask('没有参加这次巡河？', '说明以后，这次就不算您的了。', '没有参加'))) return
      this.setData({ busy: true })
      try {
        await send('post', '/api/v1/patrols/{patrol_id}/decline', { path: { patrol_id: this.properties.id }, key: platform.randomId() })
        platform.say('已说明', 'success')
        await this.ask()
      } catch (error) {
        platform.say(unreachable(error).title)
      } finally {
        this.setData({ busy: false })
      }
    },
    queue() {
      void platform.go('/packages/chief/queue/queue')
    },
    reports() {
      void platform.go('/packages/resident/mine/mine')
    },
    duties() {
      void platform.replace('/packages/chief/duties/duties')
    },
  },
})

function headline(patrol: Patrol): string {
  if (patrol.phase !== 'finished') return '这次巡河还没有结束'
  if (patrol.valid === null) return '都收到了，正在判定，稍等一下'
  if (patrol.practice) return patrol.valid ? '练习合格：真巡河时这样就算数' : '练习没达到要求，看看差在哪里'
  return patrol.valid ? '这次巡河有效' : '这次巡河没有达到要求'
}
