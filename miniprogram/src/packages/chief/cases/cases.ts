// The cases that wait for somebody outside of the lead unit to look whether the work is done.
import * as platform from '../../../platform/index'
import { page, type CaseRow } from '../../../services/cases'
import { unreachable } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { when } from '../../../services/words'

function shown(row: CaseRow) {
  const clock = row.clocks.find((one) => one.kind === 'review')
  return { ...row, due: clock ? `${when(clock.due_at)} 前核查` : '', late: clock?.overdue ?? false }
}

const waiting = (before?: string) => page({ state: 'in_review', before, limit: 20 })

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
        const { items, next } = await waiting()
        const state: PageState = items.length ? READY : { state: 'empty', words: '现在没有等您核查的案件。' }
        this.setData({ page: state, items: items.map(shown), next: next ?? null })
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    async more() {
      try {
        const { items, next } = await waiting(this.data.next ?? undefined)
        this.setData({ items: [...this.data.items, ...items.map(shown)], next: next ?? null })
      } catch (error) {
        platform.say(unreachable(error).title)
      }
    },
    async onPullDownRefresh() {
      await this.load()
      await platform.stopRefreshing()
    },
    open(event: WechatMiniprogram.TouchEvent) {
      void platform.go(`/packages/official/case/case?id=${String(event.currentTarget.dataset['id'])}`)
    },
  },
})
