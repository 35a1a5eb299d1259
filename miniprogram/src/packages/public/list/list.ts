// The public map and list: what was found, what is being mended, what is over. Nobody has to sign in.
import * as platform from '../../../platform/index'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import * as published from '../../../services/public'

type State = 'open' | 'closed' | ''
const WAYS: { code: State; name: string }[] = [
  { code: '', name: '全部' },
  { code: 'open', name: '正在整改' },
  { code: 'closed', name: '已办结' },
]
const NOTHING: Record<State, string> = {
  '': '还没有公开的问题。问题核实、开始整改后会在这里公开。',
  open: '现在没有正在整改的问题。',
  closed: '还没有办结的问题。',
}

Component({
  data: {
    page: LOADING as PageState,
    ways: WAYS,
    chosen: '' as State,
    counts: null as published.Counts | null,
    items: [] as published.Found[],
    next: null as number | null,
    markers: [] as ReturnType<typeof published.markers>,
    pins: [] as published.Pin[],
    middle: { latitude: 0, longitude: 0 },
    more: false,
    busy: false,
  },
  lifetimes: {
    attached() {
      void this.load()
    },
  },
  methods: {
    async load() {
      const chosen = this.data.chosen
      const wanted = chosen ? { state: chosen } : {}
      try {
        const [counts, list, map] = await Promise.all([published.counts(), published.list(wanted), published.map(wanted)])
        if (chosen !== this.data.chosen) return // another one was tapped meanwhile
        const page: PageState = list.items.length ? READY : { state: 'empty', words: NOTHING[chosen] }
        const markers = published.markers(map.items)
        const { latitude = 0, longitude = 0 } = markers[0] ?? {}
        this.setData({ page, counts, items: list.items, next: list.next, pins: map.items, markers, middle: { latitude, longitude }, more: map.more })
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    choose(event: WechatMiniprogram.TouchEvent) {
      this.setData({ chosen: String(event.currentTarget.dataset['code']) as State, page: LOADING, items: [], next: null })
      void this.load()
    },
    async older() {
      if (!this.data.next || this.data.busy) return
      this.setData({ busy: true })
      try {
        const chosen = this.data.chosen
        const { items, next } = await published.list(chosen ? { state: chosen } : {}, this.data.next)
        this.setData({ items: [...this.data.items, ...items], next })
      } catch (error) {
        platform.say(failed(error).words)
      } finally {
        this.setData({ busy: false })
      }
    },
    async onPullDownRefresh() {
      await this.load()
      await platform.stopRefreshing()
    },
    openPin(event: WechatMiniprogram.CustomEvent<{ markerId: number }>) {
      const pin = this.data.pins[event.detail.markerId]
      if (pin) void platform.go(`/packages/public/case/case?number=${pin.number}`)
    },
    report() {
      void platform.go('/packages/resident/report/report')
    },
  },
})
