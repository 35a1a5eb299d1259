// Whose river is this? By the code on the notice board, or from the list of all reaches.
import * as platform from '../../../platform/index'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { reaches, tokenIn, type ReachRow } from '../../../services/public'

interface River {
  name: string
  reaches: ReachRow[]
}

Component({
  data: { page: LOADING as PageState, rivers: [] as River[], open: '' },
  lifetimes: {
    attached() {
      void this.load()
    },
  },
  methods: {
    async load() {
      this.setData({ page: LOADING })
      try {
        const { items } = await reaches()
        const names = [...new Set(items.map((one) => one.river))]
        this.setData({ page: READY, rivers: names.map((name) => ({ name, reaches: items.filter((one) => one.river === name) })) })
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    unfold(event: WechatMiniprogram.TouchEvent) {
      const name = String(event.currentTarget.dataset['name'])
      this.setData({ open: this.data.open === name ? '' : name })
    },
    show(event: WechatMiniprogram.TouchEvent) {
      void platform.go(`/packages/public/board/board?code=${String(event.currentTarget.dataset['code'])}`)
    },
    async scan() {
      try {
        const token = tokenIn(await platform.scan())
        if (token) await platform.go(`/packages/public/board/board?scene=${token}`)
        else platform.say('这不是河长公示牌上的二维码')
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
        if (error.reason === 'denied') platform.say('没有允许使用相机。可以在下面找河段')
        else if (error.reason === 'privacy') platform.say('同意隐私说明后才能扫码。可以在下面找河段')
        else if (error.reason !== 'cancelled') platform.say('没有扫出来，请再试一次')
      }
    },
  },
})
