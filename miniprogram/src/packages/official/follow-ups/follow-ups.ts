// Look-backs that are planned, by due date; each is carried out on its case, at the place.
import * as platform from '../../../platform/index'
import { followUps } from '../../../services/cases'
import { left } from '../../../services/deadline'
import { unreachable } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'

type Planned = Awaited<ReturnType<typeof followUps>>['items'][number]
const shown = (one: Planned) => ({ ...one, left: left(one.due_at) })

Component({
  data: { page: LOADING as PageState, items: [] as ReturnType<typeof shown>[], next: null as string | null, mine: false },
  pageLifetimes: {
    show() {
      void this.load()
    },
  },
  methods: {
    async load() {
      try {
        const { items, next } = await followUps({ mine: this.data.mine })
        this.setData({ page: READY, items: items.map(shown), next })
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    toggleMine() {
      this.setData({ mine: !this.data.mine })
      void this.load()
    },
    async more() {
      try {
        const { items, next } = await followUps({ mine: this.data.mine, before: this.data.next ?? undefined })
        this.setData({ items: [...this.data.items, ...items.map(shown)], next })
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
