// One report as its reporter reads it: what was said, who deals with it, what happened, and what may be done now.
import * as platform from '../../../platform/index'
import { unreachable } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { act, rate, read, supplement, toneOf, type Follow, type Report } from '../../../services/reports'
import { when } from '../../../services/words'

Component({
  properties: { id: String, code: String },
  data: {
    page: LOADING as PageState,
    report: null as Report | null,
    tone: '',
    submitted: '',
    steps: [] as { words: string; when: string }[],
    closed: false,
    canDispute: false,
    canAppeal: false,
    starList: [1, 2, 3, 4, 5],
    stars: 0,
    words: '',
    reason: '',
    more: '',
    moreKey: '',
    busy: false,
  },
  pageLifetimes: {
    show() {
      void this.load()
    },
  },
  methods: {
    follow(): Follow {
      const { id, code } = this.properties
      return code ? { code: decodeURIComponent(code) } : { id }
    },
    async load() {
      try {
        this.show(await read(this.follow()))
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    show(report: Report) {
      this.setData({
        page: READY,
        report,
        tone: toneOf(report.state),
        submitted: when(report.submitted_at),
        steps: report.steps.map((step) => ({ words: step.words, when: when(step.at) })).reverse(),
        closed: report.state === 'closed' || report.state === 'archived',
        canDispute: report.allowed_actions.includes('dispute'),
        canAppeal: report.allowed_actions.includes('appeal'),
        stars: report.rating ?? this.data.stars,
      })
    },
    async onPullDownRefresh() {
      await this.load()
      await platform.stopRefreshing()
    },

    /** Do something with the report; a fault is said, and what was typed stays. */
    async attempt(body: () => Promise<Report>, done: string): Promise<boolean> {
      if (this.data.busy) return false
      this.setData({ busy: true })
      try {
        this.show(await body())
        platform.say(done, 'success')
        return true
      } catch (error) {
        const problem = unreachable(error)
        platform.say(problem.title)
        return false
      } finally {
        this.setData({ busy: false })
      }
    },

    choose(event: WechatMiniprogram.TouchEvent) {
      this.setData({ stars: Number(event.currentTarget.dataset['stars']) })
    },
    typeWords(event: WechatMiniprogram.Input) {
      this.setData({ words: event.detail.value })
    },
    typeReason(event: WechatMiniprogram.Input) {
      this.setData({ reason: event.detail.value })
    },
    typeMore(event: WechatMiniprogram.Input) {
      this.setData({ more: event.detail.value })
    },
    async rate() {
      await this.attempt(() => rate(this.follow(), this.data.stars, this.data.words), '谢谢您的评价')
    },
    async object() {
      const action = this.data.canDispute ? 'dispute' : 'appeal'
      if (!this.data.reason.trim()) return platform.say('请写明理由')
      const sure = await platform.ask(action === 'dispute' ? '提出异议？' : '提出申诉？', '只能提一次。', '提出')
      if (sure && (await this.attempt(() => act(this.follow(), action, this.data.reason), '已提出'))) this.setData({ reason: '' })
    },
    async supplement() {
      const text = this.data.more.trim()
      if (!text) return platform.say('请先写下要补充的内容')
      if (!this.data.moreKey) this.setData({ moreKey: platform.randomId() })
      if (await this.attempt(() => supplement(this.follow(), text, [], this.data.moreKey), '已补充')) this.setData({ more: '', moreKey: '' })
    },
  },
})
