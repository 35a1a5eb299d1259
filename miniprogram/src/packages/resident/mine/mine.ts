import * as platform from '../../../platform/index'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { mine, toneOf, type Report } from '../../../services/reports'
import { when } from '../../../services/words'

const shown = (report: Report) => ({ ...report, when: when(report.submitted_at), tone: toneOf(report.state) })

Component({
  data: { page: LOADING as PageState, items: [] as ReturnType<typeof shown>[], next: null as string | null },
  pageLifetimes: {
    show() {
      void this.load()
    },
  },
  methods: {
    async load() {
      try {
        const { items, next } = await mine()
        const page: PageState = items.length ? READY : { state: 'empty', words: '您还没有举报过。匿名的举报请用回执码查。' }
        this.setData({ page, items: items.map(shown), next })
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    async more() {
      const { items, next } = await mine(this.data.next ?? undefined)
      this.setData({ items: [...this.data.items, ...items.map(shown)], next })
    },
    async onPullDownRefresh() {
      await this.load()
      await platform.stopRefreshing()
    },
    open(event: WechatMiniprogram.TouchEvent) {
      void platform.go(`/packages/resident/detail/detail?id=${String(event.currentTarget.dataset['id'])}`)
    },
    report() {
      void platform.go('/packages/resident/report/report')
    },
  },
})
