// What this phone has sent or is still sending, and the way to a report by its receipt code.
import * as platform from '../../../platform/index'
import { askFor, templatesFor } from '../../../services/consents'
import { EMPTY, keepDraft } from '../../../services/draft'
import { unreachable } from '../../../services/http'
import { flush, forgetReceipts, onOutbox, receipts, remove, waiting, type Receipt, type Waiting } from '../../../services/outbox'
import { read } from '../../../services/reports'
import { when } from '../../../services/words'

type Shown = Waiting & { progress: string }
let stop: (() => void) | undefined

Component({
  properties: { new: String },
  data: { waiting: [] as Shown[], receipts: [] as (Receipt & { when: string })[], fresh: null as Receipt | null, code: '', fault: '', busy: false, before: 0, templates: [] as string[] },
  lifetimes: {
    attached() {
      this.setData({ before: receipts().length })
      void this.prepare()
      stop = onOutbox(() => this.show())
      this.show()
    },
    detached() {
      stop?.()
    },
  },
  pageLifetimes: {
    show() {
      void flush()
    },
  },
  methods: {
    show() {
      const kept = receipts()
      this.setData({
        waiting: waiting().map((entry) => ({ ...entry, progress: progressOf(entry) })),
        receipts: kept.map((receipt) => ({ ...receipt, when: when(receipt.submitted_at) })),
        fresh: this.properties.new ? (kept[0] ?? null) : this.data.fresh,
      })
    },
    async prepare() {
      // Without signal there is nobody to ask; the receipt serves without.
      this.setData({ templates: await templatesFor('reporter').catch(() => []) })
    },
    async subscribe() {
      try {
        platform.say(await askFor(this.data.templates))
      } catch (error) {
        platform.say(unreachable(error).title)
      }
    },
    type(event: WechatMiniprogram.Input) {
      this.setData({ code: event.detail.value, fault: '' })
    },
    async find() {
      const code = this.data.code.trim()
      if (!code) return this.setData({ fault: '请先输入回执码。' })
      this.setData({ busy: true, fault: '' })
      try {
        await read({ code })
        await openReport(code)
      } catch (error) {
        const problem = unreachable(error)
        this.setData({ fault: problem.title })
      } finally {
        this.setData({ busy: false })
      }
    },
    open(event: WechatMiniprogram.TouchEvent) {
      void openReport(String(event.currentTarget.dataset['code']))
    },
    async copy(event: WechatMiniprogram.TouchEvent) {
      await platform.copy(String(event.currentTarget.dataset['code']))
      platform.say('回执码已复制')
    },
    async discard(event: WechatMiniprogram.TouchEvent) {
      const key = String(event.currentTarget.dataset['key'])
      if (await platform.ask('不发这份举报了？', '文字和照片会从手机里删掉。', '删掉', '留着')) remove(key)
    },
    async again(event: WechatMiniprogram.TouchEvent) {
      const entry = waiting().find((one) => one.key === String(event.currentTarget.dataset['key']))
      if (!entry) return
      if (!entry.final) return flush()
      const { body, photos } = entry
      keepDraft({
        ...EMPTY,
        category: body.category,
        text: body.text,
        privacy: body.privacy,
        photos: photos.filter((photo) => photo.state !== 'refused'),
        place: { longitude: body.place.lon, latitude: body.place.lat, byHand: true },
        address: body.place.address ?? '',
        contactName: body.contact_name ?? '',
        contactPhone: body.contact_phone ?? '',
        accusesOfficials: body.accuses_officials ?? false,
      })
      remove(entry.key, false)
      await platform.replace('/packages/resident/report/report')
    },
    async forget() {
      if (await platform.ask('抹掉这些回执？', '抹掉后，匿名举报的进展就再也查不到了（除非您另外抄下了回执码）。', '抹掉')) forgetReceipts()
    },
  },
})

function openReport(code: string): Promise<void> {
  return platform.go(`/packages/resident/detail/detail?code=${encodeURIComponent(code)}`)
}

function progressOf({ photos }: Waiting): string {
  if (!photos.length) return '有信号就会发出'
  const done = photos.filter((photo) => photo.state === 'uploaded').length
  const now = photos[done]
  return `照片 ${done}/${photos.length}${now?.percent ? `，${now.percent}%` : ''}`
}
