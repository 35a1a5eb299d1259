// What the public is shown of a case: the office publishes it in its own words with the photos it has looked at, or withholds it.
import * as platform from '../../../platform/index'
import { keyFor } from '../../../services/actions'
import { unreachable } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { decide, decision, type Decision } from '../../../services/publication'
import { when } from '../../../services/words'

interface Draft {
  /** Empty: the sentence that the ledger gives. */
  words: string
  photos: string[]
  reason: string
}

const CHECKS: Record<string, string> = { pass: '微信检查过，没有问题', review: '微信认为可能有问题', risky: '微信认为有问题', waiting: '微信还在检查', missing: '微信没有检查' }

function candidatesOf(found: Decision, chosen: string[]) {
  return found.photos.map(({ photo, after, content_check }) => ({
    id: photo.id,
    photo: [photo],
    kind: after ? '整改后' : '整改前',
    check: CHECKS[content_check] ?? content_check,
    doubtful: content_check !== 'pass',
    chosen: chosen.includes(photo.id),
  }))
}

Component({
  properties: { case: String },
  data: {
    page: LOADING as PageState,
    found: null as Decision | null,
    state: '',
    last: '',
    draft: { words: '', photos: [], reason: '' } as Draft,
    candidates: [] as ReturnType<typeof candidatesOf>,
    reasons: ['正在调查，公开会惊动当事人。', '涉及个人隐私。'],
    faults: [] as string[],
    sent: undefined as { body: string; key: string } | undefined,
    busy: false,
  },
  lifetimes: {
    attached() {
      void this.load()
    },
  },
  methods: {
    draftKey(): string {
      return `publish:${this.properties.case}`
    },
    async load() {
      try {
        this.show(await decision(this.properties.case))
        const kept = platform.read<Draft>(this.draftKey())
        if (kept) this.keep(kept)
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    show(found: Decision) {
      const { last } = found
      const draft: Draft = { words: last?.words ?? '', photos: found.photos.filter(({ chosen }) => chosen).map(({ photo }) => photo.id), reason: '' }
      this.setData({
        page: READY,
        found,
        state: found.published ? '群众现在看得到这件案件。' : `群众现在看不到：${found.why_not ?? ''}`,
        last: last ? `上次决定：${when(last.at)} ${last.withheld ? `不公开，${last.reason}` : '公开'}` : '',
        draft,
        candidates: candidatesOf(found, draft.photos),
      })
    },
    keep(draft: Draft) {
      platform.write(this.draftKey(), draft)
      this.setData({ draft, candidates: this.data.found ? candidatesOf(this.data.found, draft.photos) : [], faults: [] })
    },
    typeWords(event: WechatMiniprogram.Input) {
      this.keep({ ...this.data.draft, words: event.detail.value })
    },
    typeReason(event: WechatMiniprogram.Input) {
      this.keep({ ...this.data.draft, reason: event.detail.value })
    },
    useReason(event: WechatMiniprogram.TouchEvent) {
      this.keep({ ...this.data.draft, reason: String(event.currentTarget.dataset['words']) })
    },
    toggle(event: WechatMiniprogram.TouchEvent) {
      const id = String(event.currentTarget.dataset['id'])
      const { draft } = this.data
      this.keep({ ...draft, photos: draft.photos.includes(id) ? draft.photos.filter((one) => one !== id) : [...draft.photos, id] })
    },
    async publish() {
      const { words, photos } = this.data.draft
      const chosen = photos.length ? `公开 ${photos.length} 张照片。` : '不公开照片。'
      if (!(await platform.ask('公开这件案件？', `${chosen}群众马上能看到。`, '公开'))) return
      await this.send({ withheld: false, words: words.trim() || null, photos, reason: '' }, '已公开')
    },
    async withhold() {
      const reason = this.data.draft.reason.trim()
      if (!reason) return this.setData({ faults: ['请写明为什么不公开。'] })
      await this.send({ withheld: true, words: null, photos: [], reason }, '已改为不公开')
    },
    async send(body: Parameters<typeof decide>[1], said: string) {
      if (this.data.busy) return
      const sent = keyFor(body, this.data.sent, platform.randomId)
      this.setData({ busy: true, sent, faults: [] })
      try {
        const found = await decide(this.properties.case, body, sent.key)
        platform.forget(this.draftKey())
        this.setData({ sent: undefined })
        this.show(found)
        platform.say(said, 'success')
      } catch (error) {
        this.setData({ faults: [unreachable(error).title] })
      } finally {
        this.setData({ busy: false })
      }
    },
  },
})
