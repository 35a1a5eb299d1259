// Closing the account: what is erased and what stays is said first, and a word has to be typed.
import * as platform from '../../../platform/index'
import { closeAccount, closing, type Outlook } from '../../../services/auth'
import { unreachable } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'

Component({
  data: { page: LOADING as PageState, outlook: null as Outlook | null, typed: '', fault: '', busy: false },
  lifetimes: {
    attached() {
      void this.load()
    },
  },
  methods: {
    async load() {
      this.setData({ page: LOADING })
      try {
        this.setData({ page: READY, outlook: await closing() })
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    type(event: WechatMiniprogram.Input) {
      this.setData({ typed: event.detail.value, fault: '' })
    },
    async close() {
      if (this.data.busy) return
      this.setData({ busy: true, fault: '' })
      try {
        await closeAccount(this.data.typed)
        platform.say('账号已注销')
        await platform.restart('/pages/home/home')
      } catch (error) {
        const problem = unreachable(error)
        this.setData({ fault: problem.title })
      } finally {
        this.setData({ busy: false })
      }
    },
    receipts() {
      void platform.go('/packages/resident/receipts/receipts')
    },
  },
})
