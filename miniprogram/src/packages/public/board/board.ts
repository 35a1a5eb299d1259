// The notice board 公示牌 of a reach: its chiefs, the hotline, a report made here, and what became of earlier ones.
import * as platform from '../../../platform/index'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { board, list, reportAt, tokenIn, type Board, type Found } from '../../../services/public'

Component({
  /** scene: from a mini-program code · q: the link of a printed code · code: the reach itself */
  properties: { scene: String, q: String, code: String },
  data: { page: LOADING as PageState, board: null as Board | null, items: [] as Found[], next: null as number | null, busy: false },
  lifetimes: {
    attached() {
      void this.load()
    },
  },
  methods: {
    async load() {
      this.setData({ page: LOADING })
      const { scene, q, code } = this.properties
      try {
        const shown = await board(code ? { code } : { token: q ? tokenIn(q) : decodeURIComponent(scene) })
        const { items, next } = await list({ reach: shown.code })
        this.setData({ page: READY, board: shown, items, next })
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    async older() {
      const { board: shown, next, busy } = this.data
      if (!shown || !next || busy) return
      this.setData({ busy: true })
      try {
        const more = await list({ reach: shown.code }, next)
        this.setData({ items: [...this.data.items, ...more.items], next: more.next })
      } catch (error) {
        platform.say(failed(error).words)
      } finally {
        this.setData({ busy: false })
      }
    },
    call(event: WechatMiniprogram.TouchEvent) {
      void platform.call(String(event.currentTarget.dataset['phone']))
    },
    async report() {
      if (this.data.board) await reportAt(this.data.board)
    },
    reaches() {
      void platform.go('/packages/public/reaches/reaches')
    },
  },
})
