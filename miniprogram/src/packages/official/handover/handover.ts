// Handing over 移交: everything that one colleague has not finished goes to another, told before it is done.
import * as platform from '../../../platform/index'
import { keyFor } from '../../../services/actions'
import { colleagues, handOver, type Colleague } from '../../../services/deputies'
import { unreachable } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'

interface Draft {
  role: string
  to: string
  leaves: boolean
  reason: string
}
interface Office {
  role: string
  person: string
  words: string
}

const DRAFT = 'handover-draft'
const EMPTY: Draft = { role: '', to: '', leaves: true, reason: '' }

Component({
  data: {
    page: LOADING as PageState,
    offices: [] as Office[],
    people: [] as Colleague[],
    takers: [] as (Colleague & { words: string })[],
    draft: EMPTY,
    reasons: ['调离', '退休', '分工调整'],
    faults: [] as string[],
    sent: undefined as { body: string; key: string } | undefined,
    done: '',
    busy: false,
  },
  lifetimes: {
    attached() {
      void this.load()
    },
  },
  methods: {
    async load() {
      try {
        const { items, heads } = await colleagues()
        if (!heads) return this.setData({ page: { state: 'empty', words: '移交由单位负责人办理。请联系本单位负责人或县河长办。' } })
        const offices = items.flatMap(({ id, name, offices: held }) => held.map(({ role_id, title }) => ({ role: role_id, person: id, words: `${name}（${title}）` })))
        this.setData({ page: READY, people: items, offices })
        this.keep({ ...EMPTY, ...platform.read<Draft>(DRAFT) })
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    keep(draft: Draft) {
      platform.write(DRAFT, draft)
      const { offices, people } = this.data
      const giver = offices.find(({ role }) => role === draft.role)?.person
      const takers = people.filter(({ id }) => id !== giver).map((one) => ({ ...one, words: `${one.name}（${one.titles.join('、')}）` }))
      this.setData({ draft, takers, faults: [] })
    },
    chooseOffice(event: WechatMiniprogram.TouchEvent) {
      this.keep({ ...this.data.draft, role: String(event.currentTarget.dataset['role']), to: '' })
    },
    chooseTaker(event: WechatMiniprogram.TouchEvent) {
      this.keep({ ...this.data.draft, to: String(event.currentTarget.dataset['id']) })
    },
    toggleLeaves() {
      this.keep({ ...this.data.draft, leaves: !this.data.draft.leaves })
    },
    type(event: WechatMiniprogram.Input) {
      this.keep({ ...this.data.draft, reason: event.detail.value })
    },
    useReason(event: WechatMiniprogram.TouchEvent) {
      this.keep({ ...this.data.draft, reason: String(event.currentTarget.dataset['words']) })
    },

    /** Tried first: what would go over is said, and only a yes does it. */
    async submit() {
      const { draft, busy } = this.data
      if (busy) return
      const lacking: [string, string][] = [[draft.role, '请选择：移交谁的工作。'], [draft.to, '请选择：交给谁。'], [draft.reason.trim(), '请填写：原因。']]
      const faults = lacking.filter(([value]) => !value).map(([, words]) => words)
      this.setData({ faults })
      if (faults.length) return
      const body = { role_id: draft.role, to_person: draft.to, leaves: draft.leaves, reason: draft.reason.trim() }
      this.setData({ busy: true })
      try {
        const tried = await handOver({ ...body, dry_run: true })
        const end = draft.leaves ? `${tried.from_person_name ?? ''}的职务随即结束，不能再办案件。` : ''
        if (!(await platform.ask('确定移交？', `${tried.cases.length} 件没有办结的案件交给${tried.to_person_name ?? ''}，期限不变。${end}`, '移交'))) return
        const sent = keyFor(body, this.data.sent, platform.randomId)
        this.setData({ sent })
        const made = await handOver(body, sent.key)
        platform.forget(DRAFT)
        this.setData({ done: `${made.cases.length} 件案件已交给${made.to_person_name ?? ''}，已经通知对方。` })
      } catch (error) {
        this.setData({ faults: [unreachable(error).title] })
      } finally {
        this.setData({ busy: false })
      }
    },
    back() {
      void platform.back()
    },
  },
})
