// What is due, the way to start, what is not sent yet, and the patrols walked with their verdicts.
import * as platform from '../../../platform/index'
import { askDuties, daysLeft, knownDuties, myPatrols, standing, type Duty, type PatrolRow } from '../../../services/duties'
import { askGround, knownGround, type Ground } from '../../../services/ground'
import { unreachable } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { current, flushPatrols, onPatrol, ready, unsent } from '../../../services/patrolling'
import { current as session } from '../../../services/session'
import { when } from '../../../services/words'

const TONES: Record<string, string> = { yellow: 'yellow', orange: 'orange', red: 'red' }
let stop: (() => void) | undefined

function due(duty: Duty) {
  const left = daysLeft(duty.last, Date.now())
  const month = Number(duty.last.slice(5, 7))
  return {
    ...duty,
    tone: duty.fulfilled ? 'good' : (TONES[duty.level ?? ''] ?? ''),
    alert: duty.fulfilled ? '已完成' : (duty.level_title ? `${duty.level_title}预警` : '待完成'),
    deadline: duty.fulfilled ? '' : `${month}月${Number(duty.last.slice(8))}日前完成，${left <= 1 ? '今天是最后一天' : `还有 ${left} 天`}`,
    where: duty.lacking.map((one) => `${one.reach_name}还差 ${one.times} 次`).join('；'),
    early: duty.next_from && new Date(duty.next_from).getTime() > Date.now() ? `${when(duty.next_from)} 以后开始的才算下一次` : '',
    bar: duty.needed ? Math.min(100, Math.round((duty.done / duty.needed) * 100)) : 100,
  }
}

const shown = (row: PatrolRow) => ({
  ...row,
  when: when(row.began_at),
  where: row.reaches.map((reach) => reach.name).join('、') || '河段待定',
  metres: row.along_m === null ? '' : `沿河 ${Math.round(row.along_m)} 米`,
  along: row.name === session()?.name ? '' : `和${row.name}一起`,
  ...standing(row),
})

Component({
  data: {
    page: LOADING as PageState,
    due: [] as ReturnType<typeof due>[],
    roles: [] as Ground['roles'],
    patrols: [] as ReturnType<typeof shown>[],
    next: null as string | null,
    old: '',
    patrolsWords: '',
    going: null as { id: string; words: string; paused: boolean } | null,
    waiting: { patrols: 0, total: 0, stuck: 0 },
    verifier: false,
  },
  lifetimes: {
    attached() {
      stop = onPatrol(() => this.showOwn())
    },
    detached() {
      stop?.()
    },
  },
  pageLifetimes: {
    show() {
      void this.load()
    },
  },
  methods: {
    async load() {
      await ready()
      this.showOwn()
      const [known, kept] = [knownGround(), knownDuties()]
      if (known && kept) this.showDue(known, kept)
      try {
        const found = await askGround()
        this.showDue(found, await askDuties())
        this.setData({ old: '' })
        void flushPatrols()
        const { items, next } = await myPatrols()
        this.setData({ patrols: items.map(shown), next: next ?? null, patrolsWords: items.length ? '' : '还没有巡过河。' })
      } catch (error) {
        const problem = unreachable(error)
        if (known && kept) this.setData({ old: '没有连上网，下面是上次看到的。巡河照样可以开始。', patrolsWords: '连上网后才能看以前的巡河。' })
        else this.setData({ page: failed(problem) })
      }
    },
    showDue(found: Ground, duties: Duty[]) {
      const { roles } = found
      const page: PageState = roles.length ? READY : { state: 'empty', words: '您现在没有巡河的身份。如果是河长，请到“我的”里验证。' }
      this.setData({ page, roles, due: duties.map(due), verifier: session()?.role === 'county_chief' })
    },
    showOwn() {
      const box = current()
      const names = box ? box.start.reaches.map((code) => box.names[code] ?? code).join('、') : ''
      this.setData({
        going: box ? { id: box.id, paused: box.phase === 'paused', words: `${names}，${when(box.start.started_at)} 开始` } : null,
        waiting: unsent(),
      })
    },
    async onPullDownRefresh() {
      await this.load()
      await platform.stopRefreshing()
    },
    async more() {
      try {
        const { items, next } = await myPatrols(this.data.next ?? undefined)
        this.setData({ patrols: [...this.data.patrols, ...items.map(shown)], next: next ?? null })
      } catch (error) {
        platform.say(unreachable(error).title)
      }
    },
    start() {
      void platform.go('/packages/chief/start/start')
    },
    practise() {
      void platform.go('/packages/chief/start/start?practice=1')
    },
    goOn() {
      if (this.data.going) void platform.go(`/packages/chief/walk/walk?id=${this.data.going.id}`)
    },
    queue() {
      void platform.go('/packages/chief/queue/queue')
    },
    cases() {
      void platform.go('/packages/official/inbox/inbox')
    },
    open(event: WechatMiniprogram.TouchEvent) {
      void platform.go(`/packages/chief/patrol/patrol?id=${String(event.currentTarget.dataset['id'])}`)
    },
    me() {
      void platform.go('/pages/me/me')
    },
  },
})
