// Which reach, with whom, for real or as practice; why the place is needed; then the walk begins.
import * as platform from '../../../platform/index'
import { metresBetween, type Point } from '../../../services/coordinates'
import { knownDuties } from '../../../services/duties'
import { ground, type Ground, type Reach } from '../../../services/ground'
import { send, unreachable, type Result } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { begin, current, follow, ready } from '../../../services/patrolling'
import { current as session } from '../../../services/session'

type Person = Result<'/api/v1/patrols/companions', 'get'>['items'][number]
type Mode = 'walk' | 'bike' | 'boat' | 'vehicle'
const MODES: { code: Mode; name: string; icon: { icon: string } }[] = [
  { code: 'walk', name: '步行', icon: { icon: 'footprints' } },
  { code: 'bike', name: '骑车', icon: { icon: 'bike' } },
  { code: 'boat', name: '坐船', icon: { icon: 'ship' } },
  { code: 'vehicle', name: '坐车', icon: { icon: 'car' } },
]
const NEAR_M = 3000
const AT_FIRST = 6

interface Choice {
  code: string
  name: string
  chosen: boolean
  lacking: boolean
  metres: number
  far: string
}

Component({
  properties: { practice: String },
  data: {
    page: LOADING as PageState,
    roles: [] as Ground['roles'],
    role: 0,
    reaches: [] as Choice[],
    all: false,
    atFirst: AT_FIRST,
    modes: MODES.map(({ code, name, icon }) => ({ code, name, icon: icon.icon })),
    mode: 'walk' as Mode,
    isPractice: false,
    people: [] as (Person & { chosen: boolean })[],
    withOthers: false,
    chosen: 0,
    busy: false,
  },
  lifetimes: {
    attached() {
      void this.load()
    },
  },
  methods: {
    async load() {
      this.setData({ page: LOADING, isPractice: this.properties.practice === '1' })
      await ready()
      const going = current()
      if (going) return platform.replace(`/packages/chief/walk/walk?id=${going.id}`)
      try {
        const { roles, reaches } = await ground()
        const chosen = roles.findIndex((one) => one.role_id === session()?.role_id)
        this.setData({ page: READY, roles, role: Math.max(0, chosen) })
        this.showReaches(reaches)
        await this.locate(reaches)
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },

    showReaches(reaches: Reach[], here?: Point) {
      const role = this.data.roles[this.data.role]
      const owed = new Set((knownDuties() ?? []).filter((duty) => duty.role_id === role?.role_id).flatMap((duty) => duty.lacking.map((one) => one.reach)))
      const own = reaches.filter((reach) => role?.reaches.some((one) => one.reach === reach.code))
      const before = new Set(this.data.reaches.filter((one) => one.chosen).map((one) => one.code))
      const choices: Choice[] = own.map((reach) => {
        const metres = here ? metresTo(reach, here) : Infinity
        return { code: reach.code, name: reach.name, chosen: before.has(reach.code), lacking: owed.has(reach.code), metres, far: here ? distance(metres) : '' }
      })
      choices.sort((a, b) => a.metres - b.metres || Number(b.lacking) - Number(a.lacking))
      const [first] = choices
      const near = !before.size && first && (choices.length === 1 || first.metres < NEAR_M)
      if (near) first.chosen = true
      this.showChosen(choices)
    },

    showChosen(reaches: Choice[]) {
      this.setData({ reaches, chosen: reaches.filter((one) => one.chosen).length })
    },

    /** The nearest reach first; who does not allow the place chooses by name. */
    async locate(reaches: Reach[]) {
      try {
        this.showReaches(reaches, await platform.whereAmI())
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
      }
    },

    async chooseRole(event: WechatMiniprogram.TouchEvent) {
      this.setData({ role: Number(event.currentTarget.dataset['index']), reaches: [] })
      const { reaches } = await ground()
      this.showReaches(reaches)
      await this.locate(reaches)
    },
    choose(event: WechatMiniprogram.TouchEvent) {
      const code = String(event.currentTarget.dataset['code'])
      this.showChosen(this.data.reaches.map((one) => (one.code === code ? { ...one, chosen: !one.chosen } : one)))
    },
    showAll() {
      this.setData({ all: true })
    },
    chooseMode(event: WechatMiniprogram.TouchEvent) {
      this.setData({ mode: event.currentTarget.dataset['code'] as Mode })
    },
    togglePractice() {
      this.setData({ isPractice: !this.data.isPractice })
    },
    async showPeople() {
      this.setData({ withOthers: true })
      try {
        const { items } = await send('get', '/api/v1/patrols/companions')
        this.setData({ people: items.map((one) => ({ ...one, chosen: false })) })
      } catch (error) {
        this.setData({ withOthers: false })
        platform.say(unreachable(error).title)
      }
    },
    choosePerson(event: WechatMiniprogram.TouchEvent) {
      const id = String(event.currentTarget.dataset['id'])
      this.setData({ people: this.data.people.map((one) => (one.person === id ? { ...one, chosen: !one.chosen } : one)) })
    },

    async begin() {
      const role = this.data.roles[this.data.role]
      const chosen = this.data.reaches.filter((one) => one.chosen)
      if (!role || this.data.busy) return
      if (!chosen.length) return platform.say('请先选要巡的河段')
      this.setData({ busy: true })
      try {
        if (!(await this.allowed())) return
        const box = await begin(
          {
            role: role.role,
            unit: role.unit,
            reaches: chosen.map((one) => one.code),
            mode: this.data.mode,
            practice: this.data.isPractice,
            companions: this.data.people.filter((one) => one.chosen).map((one) => one.person),
          },
          session()?.name ?? '',
          Object.fromEntries(chosen.map((one) => [one.code, one.name])),
        )
        await platform.replace(`/packages/chief/walk/walk?id=${box.id}`)
      } finally {
        this.setData({ busy: false })
      }
    },

    /** Whether the phone tells its place now. A refusal is explained, and the way to change it is shown. */
    async allowed(): Promise<boolean> {
      try {
        await follow()
        return true
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
        if (error.reason === 'privacy') platform.say('同意隐私说明后才能开始巡河')
        else if (error.reason !== 'denied') platform.say('没有取得位置，请打开手机的定位再试')
        else if (await platform.ask('需要位置权限', '没有位置就记不下您走过的路，这次巡河也就不算数。请在设置里允许使用位置。', '去设置')) await platform.openSettings()
        return false
      }
    },
  },
})

function metresTo(reach: Reach, here: Point): number {
  return Math.min(...reach.line.map(([longitude, latitude]) => metresBetween({ longitude, latitude }, here)))
}

function distance(metres: number): string {
  return metres < 950 ? `离您约 ${Math.max(50, Math.round(metres / 50) * 50)} 米` : `离您约 ${(metres / 1000).toFixed(1)} 公里`
}
