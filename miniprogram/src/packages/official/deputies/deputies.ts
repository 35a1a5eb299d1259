// Deputies B角: who stands in for whom and until when; a deputy for one's own days away, a head for everybody's.
import * as platform from '../../../platform/index'
import { keyFor } from '../../../services/actions'
import { dayWords, today } from '../../../services/calendar'
import { colleagues, delegate, delegations, endDelegation, type Colleague, type Delegation } from '../../../services/deputies'
import { unreachable } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'

interface Draft {
  absent: string
  deputy: string
  from_on: string
  to_on: string
  reason: string
}

const DRAFT = 'deputy-draft'
const EMPTY: Draft = { absent: '', deputy: '', from_on: '', to_on: '', reason: '' }

const shown = (one: Delegation) => ({ ...one, days: `${dayWords(one.from_on)} 到 ${dayWords(one.to_on)}`, state: one.in_force ? '正在代办' : '还没开始' })

Component({
  data: {
    page: LOADING as PageState,
    items: [] as ReturnType<typeof shown>[],
    people: [] as (Colleague & { words: string })[],
    deputies: [] as (Colleague & { words: string })[],
    heads: false,
    draft: EMPTY,
    reasons: ['年休假', '出差', '住院'],
    today: '',
    faults: [] as string[],
    sent: undefined as { body: string; key: string } | undefined,
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
        const { items, heads } = await colleagues()
        const people = items.map((one) => ({ ...one, words: `${one.me ? '我自己' : one.name}（${one.titles.join('、')}）` }))
        const me = people.find((one) => one.me)?.id ?? ''
        const draft = { ...EMPTY, absent: me, ...platform.read<Draft>(DRAFT) }
        this.setData({ page: READY, people, heads, today: today(), items: (await delegations()).map(shown) })
        this.keep(draft)
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    async onPullDownRefresh() {
      await this.load()
      await platform.stopRefreshing()
    },
    keep(draft: Draft) {
      platform.write(DRAFT, draft)
      this.setData({ draft, deputies: this.data.people.filter(({ id }) => id !== draft.absent), faults: [] })
    },
    chooseAbsent(event: WechatMiniprogram.TouchEvent) {
      const absent = String(event.currentTarget.dataset['id'])
      const { draft } = this.data
      this.keep({ ...draft, absent, deputy: draft.deputy === absent ? '' : draft.deputy })
    },
    chooseDeputy(event: WechatMiniprogram.TouchEvent) {
      this.keep({ ...this.data.draft, deputy: String(event.currentTarget.dataset['id']) })
    },
    pickFrom(event: WechatMiniprogram.CustomEvent<{ value: string }>) {
      const { value } = event.detail
      const { draft } = this.data
      this.keep({ ...draft, from_on: value, to_on: draft.to_on && draft.to_on < value ? '' : draft.to_on })
    },
    pickTo(event: WechatMiniprogram.CustomEvent<{ value: string }>) {
      this.keep({ ...this.data.draft, to_on: event.detail.value })
    },
    type(event: WechatMiniprogram.Input) {
      this.keep({ ...this.data.draft, reason: event.detail.value })
    },
    useReason(event: WechatMiniprogram.TouchEvent) {
      this.keep({ ...this.data.draft, reason: String(event.currentTarget.dataset['words']) })
    },

    async submit() {
      const { draft, busy } = this.data
      if (busy) return
      const lacking: [string, string][] = [[draft.absent, '请选择：谁不在岗。'], [draft.deputy, '请选择：由谁代办。'], [draft.from_on, '请选择：从哪天起。'], [draft.to_on, '请选择：到哪天止。'], [draft.reason.trim(), '请填写：原因。']]
      const faults = lacking.filter(([value]) => !value).map(([, words]) => words)
      this.setData({ faults })
      if (faults.length) return
      const body = { person_id: draft.absent, deputy_id: draft.deputy, from_on: draft.from_on, to_on: draft.to_on, reason: draft.reason.trim() }
      const sent = keyFor(body, this.data.sent, platform.randomId)
      this.setData({ busy: true, sent })
      try {
        const made = await delegate(body, sent.key)
        platform.forget(DRAFT)
        platform.say(`已设好，由${made.deputy_name}代办`, 'success')
        await this.load()
      } catch (error) {
        this.setData({ faults: [unreachable(error).title] })
      } finally {
        this.setData({ busy: false })
      }
    },
    async end(event: WechatMiniprogram.TouchEvent) {
      const one = this.data.items.find(({ id }) => id === event.currentTarget.dataset['id'])
      if (!one || !(await platform.ask('提前结束代办？', `${one.deputy_name}不再代${one.person_name}办理。`, '结束'))) return
      try {
        await endDelegation(one.id)
        platform.say('已结束', 'success')
      } catch (error) {
        platform.say(unreachable(error).title)
      }
      await this.load()
    },
    handOver() {
      void platform.go('/packages/official/handover/handover')
    },
  },
})
