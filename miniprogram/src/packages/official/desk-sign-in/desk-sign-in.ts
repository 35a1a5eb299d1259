// Scan the code on a computer's sign-in page, compare two digits, let it in or refuse.
import * as platform from '../../../platform/index'
import { codeOf, confirm, look, refuse, type DeskPage } from '../../../services/desk'
import { unreachable } from '../../../services/http'
import type { Session } from '../../../services/session'
import { when } from '../../../services/words'

Component({
  // `q`: the address in the QR code, when WeChat itself scanned it.
  properties: { q: String },
  data: { code: '', typed: '', page: null as (DeskPage & { when: string }) | null, session: null as Session | null, done: '', fault: '', busy: false },
  lifetimes: {
    attached() {
      const code = codeOf(decodeURIComponent(this.properties.q))
      if (code) void this.find(code)
    },
  },
  methods: {
    type(event: WechatMiniprogram.Input) {
      this.setData({ typed: event.detail.value, fault: '' })
    },
    async scan() {
      try {
        await this.read(await platform.scan())
      } catch (error) {
        if (error instanceof platform.Refused && error.reason === 'cancelled') return
        if (!(error instanceof platform.Refused)) throw error
        this.setData({ fault: '没有扫到。可以改为输入电脑上的登录码。' })
      }
    },
    async byHand() {
      await this.read(this.data.typed)
    },
    async read(text: string) {
      const code = codeOf(text)
      if (code) await this.find(code)
      else this.setData({ fault: '这不是电脑端登录页上的码。登录码是 8 位数字。' })
    },
    find(code: string) {
      return this.attempt(async () => {
        const { page, session } = await look(code)
        this.setData({ code, session, page: { ...page, when: when(page.created_at) } })
      })
    },
    letIn() {
      return this.attempt(async () => {
        await confirm(this.data.code)
        this.setData({ page: null, done: '电脑已登录。' })
      })
    },
    keepOut() {
      return this.attempt(async () => {
        await refuse(this.data.code)
        this.setData({ page: null, done: '没有登录。' })
      })
    },
    async attempt(body: () => Promise<void>) {
      if (this.data.busy) return
      this.setData({ busy: true, fault: '' })
      try {
        await body()
      } catch (error) {
        this.setData({ page: null, fault: unreachable(error).title })
      } finally {
        this.setData({ busy: false })
      }
    },
    async back() {
      await platform.back()
    },
  },
})
