// What a unit or the county office has to do, the most pressing first.
import * as platform from '../../../platform/index'
import { refresh } from '../../../services/auth'
import { counts, page, shown, watches, type Query, type Shown } from '../../../services/cases'
import { kindOf } from '../../../services/deadline'
import { unreachable } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import type { Session } from '../../../services/session'

interface Tab {
  key: string
  name: string
  /** The states whose counts stand beside the name. */
  states: string[]
  query: Query
  count: string
}

const due = { sort: 'due' as const }
const tab = (key: string, name: string, query: Query, states: string[] = []): Tab => ({ key, name, query, states, count: '' })

function tabsFor({ role, unit }: Session): Tab[] {
  if (role === 'office') {
    return [
      tab('triage', '待分办', { state: 'submitted,triage', ...due }, ['submitted', 'triage']),
      tab('review', '待核查', { state: 'in_review', ...due }, ['in_review']),
      tab('extension', '延期', { awaiting: 'extension', ...due }),
      tab('rejection', '建议不受理', { awaiting: 'rejection', ...due }),
      tab('overdue', '已超期', { overdue: true, ...due }),
      tab('all', '全部', {}),
    ]
  }
  if (watches(role)) return [tab('review', '待核查', { state: 'in_review', ...due }, ['in_review']), tab('overdue', '已超期', { overdue: true, ...due }), tab('all', '全部', {})]
  const own = unit ? { unit } : {}
  return [
    tab('now', '现在要办', { ...own, state: 'assigned,accepted,rectifying', ...due }, ['assigned', 'accepted', 'rectifying']),
    tab('assigned', '待签收', { ...own, state: 'assigned', ...due }, ['assigned']),
    tab('rectifying', '整改中', { ...own, state: 'accepted,rectifying', ...due }, ['accepted', 'rectifying']),
    tab('review', '待核查', { ...own, state: 'in_review' }, ['in_review']),
    tab('assist', '协办', { ...own, part: 'assist' }),
    tab('all', '全部', {}),
  ]
}

function summed(states: string[], found: Record<string, string>): string {
  const all = states.map((state) => found[state] ?? '0')
  return all.some((one) => one.endsWith('+')) ? '很多' : String(all.reduce((sum, one) => sum + Number(one), 0))
}

Component({
  data: {
    page: LOADING as PageState,
    tabs: [] as Tab[],
    chosen: '',
    items: [] as Shown[],
    next: null as string | null,
    text: '',
    mine: false,
    unitRole: false,
    looksBack: false,
    words: '',
    busy: false,
  },
  pageLifetimes: {
    show() {
      void this.load()
    },
  },
  methods: {
    async load() {
      try {
        const session = await refresh()
        const own = session.role === 'head' || session.role === 'handler'
        if (!own && !watches(session.role)) {
          const words = '这里是乡镇、部门和县河长办办案的地方。请先在“我的”里验证或切换身份。'
          return this.setData({ page: { state: 'empty', words } })
        }
        const tabs = tabsFor(session)
        const chosen = tabs.some(({ key }) => key === this.data.chosen) ? this.data.chosen : (tabs[0]?.key ?? '')
        const found = await counts(own ? (session.unit ?? undefined) : undefined)
        const counted = tabs.map((one) => ({ ...one, count: one.states.length ? summed(one.states, found) : '' }))
        this.setData({ tabs: counted, chosen, unitRole: own, looksBack: watches(session.role) })
        await this.ask()
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    query(): Query {
      const { tabs, chosen, text, mine } = this.data
      const asked = tabs.find(({ key }) => key === chosen)?.query ?? {}
      return { ...asked, limit: 20, ...(text.trim() ? { text: text.trim() } : {}), ...(mine ? { mine: true } : {}) }
    },
    async ask() {
      const { items, next } = await page(this.query())
      this.setData({ page: READY, items: items.map((row) => shown(row, kindOf)), next, words: items.length ? '' : this.nothing() })
    },
    nothing(): string {
      return this.data.text.trim() ? '没有找到。换两个字再试，例如“排污”“采砂”。' : '这里没有案件。'
    },
    async attempt(body: () => Promise<void>) {
      if (this.data.busy) return
      this.setData({ busy: true })
      try {
        await body()
      } catch (error) {
        platform.say(unreachable(error).title)
      } finally {
        this.setData({ busy: false })
      }
    },
    choose(event: WechatMiniprogram.TouchEvent) {
      this.setData({ chosen: String(event.currentTarget.dataset['key']) })
      void this.attempt(() => this.ask())
    },
    toggleMine() {
      this.setData({ mine: !this.data.mine })
      void this.attempt(() => this.ask())
    },
    type(event: WechatMiniprogram.Input) {
      this.setData({ text: event.detail.value })
    },
    find() {
      if (this.data.text.trim().length === 1) return platform.say('请至少输入两个字')
      void this.attempt(() => this.ask())
    },
    more() {
      void this.attempt(async () => {
        const { items, next } = await page({ ...this.query(), before: this.data.next ?? undefined })
        this.setData({ items: [...this.data.items, ...items.map((row) => shown(row, kindOf))], next })
      })
    },
    async onPullDownRefresh() {
      await this.load()
      await platform.stopRefreshing()
    },
    open(event: WechatMiniprogram.TouchEvent) {
      void platform.go(`/packages/official/case/case?id=${String(event.currentTarget.dataset['id'])}`)
    },
    lookBack() {
      void platform.go('/packages/official/follow-ups/follow-ups')
    },
    me() {
      void platform.go('/pages/me/me')
    },
  },
})
