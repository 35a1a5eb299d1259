// Who I am here: roles and switching between them, binding to the roster, messages, leaving.
import * as platform from '../../platform/index'
import { bindCode, bindPhone, chooseRole, refresh, signOut } from '../../services/auth'
import { askFor, templatesFor } from '../../services/consents'
import { unreachable } from '../../services/http'
import { failed, LOADING, READY, type PageState } from '../../services/load'
import { inbox, markRead, type Notice } from '../../services/notices'
import type { Session } from '../../services/session'
import { when } from '../../services/words'

const IN_UNITS = new Set(['head', 'handler'])
type Shown = Notice & { when: string }
const shown = (notice: Notice): Shown => ({ ...notice, when: when(notice.created_at) })

Component({
  data: { page: LOADING as PageState, session: null as Session | null, notices: [] as Shown[], next: null as string | null, code: '', busy: false, templates: [] as string[], inUnit: false },
  pageLifetimes: {
    show() {
      void this.load()
    },
  },
  methods: {
    async load() {
      try {
        const session = await refresh()
        const { items, next } = await inbox()
        const templates = await templatesFor(session.roles.length ? 'official' : 'reporter')
        this.setData({ page: READY, session, notices: items.map(shown), next, templates, inUnit: IN_UNITS.has(session.role) })
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    async onPullDownRefresh() {
      await this.load()
      await platform.stopRefreshing()
    },
    more() {
      return this.attempt(async () => {
        const { items, next } = await inbox(this.data.next ?? undefined)
        this.setData({ notices: [...this.data.notices, ...items.map(shown)], next })
      })
    },
    subscribe() {
      return this.attempt(async () => platform.say(await askFor(this.data.templates)))
    },
    /** What it is about opens at once; that it was read is told besides. */
    async read(event: WechatMiniprogram.TouchEvent) {
      const notice = this.data.notices.find(({ id }) => id === event.currentTarget.dataset['id'])
      if (!notice) return
      if (notice.page) void platform.go(`/${notice.page}`)
      if (notice.read_at) return
      await this.attempt(async () => {
        await markRead(notice.id)
        this.setData({ notices: this.data.notices.map((one) => (one.id === notice.id ? { ...one, read_at: new Date().toISOString() } : one)) })
      })
    },

    async attempt(body: () => Promise<void>) {
      if (this.data.busy) return
      this.setData({ busy: true })
      try {
        await body()
      } catch (error) {
        const problem = unreachable(error)
        platform.say(problem.title)
      } finally {
        this.setData({ busy: false })
      }
    },

    choose(event: WechatMiniprogram.TouchEvent) {
      return this.attempt(async () => {
        const session = await chooseRole(String(event.currentTarget.dataset['id']))
        this.setData({ session, inUnit: IN_UNITS.has(session.role) })
        platform.say(`现在的身份：${session.role_title}`)
      })
    },
    typeCode(event: WechatMiniprogram.Input) {
      this.setData({ code: event.detail.value })
    },
    bindPhone(event: WechatMiniprogram.CustomEvent<{ code?: string; errMsg: string }>) {
      const { code } = event.detail
      if (!code) return platform.say('没有得到手机号。可以改用绑定码。')
      return this.attempt(async () => this.bound(await bindPhone(code)))
    },
    bindCode() {
      return this.attempt(async () => this.bound(await bindCode(this.data.code)))
    },
    bound(session: Session) {
      this.setData({ session, code: '', inUnit: IN_UNITS.has(session.role) })
      platform.say(`${session.name}，您好`, 'success')
    },
    deputies() {
      void platform.go('/packages/official/deputies/deputies')
    },
    atTheDesk() {
      void platform.go('/packages/official/desk-sign-in/desk-sign-in')
    },
    privacy() {
      void platform.go('/pages/privacy/privacy')
    },
    closing() {
      void platform.go('/packages/account/closing/closing')
    },
    async signOut() {
      if (!(await platform.ask('退出登录？', '没发出去的举报会留在手机里。', '退出'))) return
      await this.attempt(() => signOut())
      await platform.restart('/pages/home/home')
    },
    async signOutEverywhere() {
      if (!(await platform.ask('在所有手机上退出？', '别的手机上也要重新登录。手机丢了就用这个。', '全部退出'))) return
      await this.attempt(() => signOut(true))
      await platform.restart('/pages/home/home')
    },
  },
})
