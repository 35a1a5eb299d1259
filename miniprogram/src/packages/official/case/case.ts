// One case as an official works on it: what was reported, why it is here, what presses, what happened, what may be done now.
import * as platform from '../../../platform/index'
import { atOnce, BESIDE, sorted, toneOfAction } from '../../../services/actions'
import { carryOut, duplicates, events, evidence, letter, read, timeline, watches, type Case, type CaseEvent, type Contact, type Evidence, type Letter } from '../../../services/cases'
import { county } from '../../../services/county'
import { kindOf, left } from '../../../services/deadline'
import { unreachable } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { marker, river, type MapLine, type Marker } from '../../../services/maps'
import { current } from '../../../services/session'
import { when } from '../../../services/words'

const PRIVACY: Record<string, string> = { named: '实名', confidential: '保密', anonymous: '匿名' }
const LETTER_ACTIONS: Record<string, string> = { reply: 'reply_supervision', accept: 'accept_reply', send_back: 'send_back_reply', end: 'end_supervision' }

const day = (iso: string | null) => (iso ? when(iso) : '')
const button = (action: string, title: string) => ({ action, title, tone: toneOfAction(action) })

function clocksOf(found: Case) {
  return found.clocks.map((clock) => ({ kind: clock.kind, title: kindOf(clock.kind), due: when(clock.due_at), left: left(clock.due_at) }))
}

function reportsOf(found: Case, office: boolean) {
  return found.reports.map((report) => ({
    ...report,
    said: PRIVACY[report.privacy] ?? report.privacy,
    when: when(report.submitted_at),
    phone: report.contact?.['phone'] ?? '',
    caller: report.contact?.['name'] ?? '',
    lookable: office && report.privacy !== 'anonymous' && !report.contact,
    masked: report.forwarded ? '这是转办的文字，姓名、电话、证件号等已隐去。' : '',
    hidden: !report.text ? '县河长办还没有放行这份举报的文字。' : '',
  }))
}

function stepsOf(found: CaseEvent[], units: Map<string, string>) {
  return found
    .map((one) => {
      const who = [one.unit ? (units.get(one.unit) ?? one.unit) : '', one.by ?? ''].filter(Boolean).join(' ')
      const deputy = one.for_person ? `（代${one.for_person}）` : ''
      return { words: `${one.title}${one.text ? `：${one.text}` : ''}`, when: `${when(one.at)}${who ? `　${who}${deputy}` : ''}` }
    })
    .reverse()
}

function holdersOf(found: Case) {
  return found.holders.map(({ holder_name, kind_title, used_days, used_hours, overdue, overdue_days, overdue_hours, charged, running }) => {
    const used = used_hours === null ? `${used_days} 个工作日` : `${used_hours} 小时`
    const over = overdue_hours === null ? `${overdue_days} 个工作日` : `${overdue_hours} 小时`
    return { words: `${holder_name}：${kind_title}用了 ${used}${running ? '（还在计）' : ''}`, over: overdue ? `超期 ${over}${charged ? '' : '（接手时限内，不计该单位）'}` : '' }
  })
}

function lettersOf(found: Letter[]) {
  return found.map((one) => ({
    ...one,
    by: day(one.reply_by),
    replies: one.replies.map((reply) => ({ ...reply, when: when(reply.at), how: reply.decision === 'accepted' ? '已认可' : reply.decision ? '已退回' : '等待认定' })),
    buttons: one.allowed.map((name) => button(LETTER_ACTIONS[name] ?? name, BESIDE[LETTER_ACTIONS[name] ?? '']?.title ?? name)),
  }))
}

const remindersOf = (found: Case) => found.reminders.filter((one) => !one.skipped_at).map((one) => ({ ...one, when: day(one.sent_at), mayReply: one.allowed.includes('reply') }))

function callsOf(found: Case) {
  return found.emergency?.units.map((one) => ({ ...one, said: one.acknowledged_at ? `${when(one.acknowledged_at)} 已响应` : `没有响应，${left(one.due_at).words}`, late: one.overdue })) ?? []
}

function photosOf(found: Evidence) {
  return found.items
    .filter(({ photo, purpose, flags }) => photo.url && (flags.length || purpose !== 'report'))
    .map(({ photo, taken_at, distance_m, flags }) => ({
      id: photo.id,
      photo: [photo],
      taken: [taken_at ? when(taken_at) : '不知道拍摄时间', distance_m === null ? '不知道拍摄位置' : `离问题地点 ${distance_m} 米`].join('，'),
      flags: flags.map((flag) => ({ words: flag.words, red: flag.red, number: flag.earlier?.number ?? '', earlier: flag.earlier?.photo ? [flag.earlier.photo] : [] })),
    }))
}

Component({
  properties: { id: String },
  data: {
    page: LOADING as PageState,
    found: null as Case | null,
    markers: [] as Marker[],
    lines: [] as MapLine[],
    office: false,
    spot: { latitude: 0, longitude: 0 },
    clocks: [] as ReturnType<typeof clocksOf>,
    refuse: '',
    reports: [] as ReturnType<typeof reportsOf>,
    before: [] as Case['evidence'],
    after: [] as Case['evidence'],
    steps: [] as ReturnType<typeof stepsOf>,
    holders: [] as ReturnType<typeof holdersOf>,
    assisting: [] as { words: string }[],
    handler: '',
    suggested: '',
    letters: [] as ReturnType<typeof lettersOf>,
    reminders: [] as ReturnType<typeof remindersOf>,
    calls: [] as ReturnType<typeof callsOf>,
    entries: [] as { words: string; when: string }[],
    doubtful: [] as ReturnType<typeof photosOf>,
    unsettled: 0,
    twins: [] as { id: string; number: string; words: string; text: string; photos: Case['evidence'] }[],
    buttons: [] as ReturnType<typeof button>[],
    desk: '',
    contact: null as Contact | null,
    busy: false,
  },
  pageLifetimes: {
    show() {
      void this.load()
    },
  },
  methods: {
    async load() {
      try {
        const { id } = this.properties
        const found = await read(id)
        const role = current()?.role ?? ''
        const [steps, units, letters, entries, looked, twins] = await Promise.all([
          events(id),
          county().then(({ units: all }) => new Map(all.map(({ code, name }) => [code, name]))),
          Promise.all(found.supervisions.map((one) => letter(one.id))),
          found.emergency ? timeline(id) : [],
          watches(role) ? evidence(id) : undefined,
          role === 'office' ? this.twinsOf(id) : [],
        ])
        const { here, desk } = sorted(found.allowed_actions)
        const place = marker(1, { longitude: found.lon, latitude: found.lat }, `问题地点${found.reach_name ? `，${found.reach_name}` : ''}`)
        const refuse = found.clocks.find(({ kind }) => kind === 'refuse')
        const lead = found.assignments.find(({ part }) => part === 'lead')
        this.setData({
          page: READY,
          found,
          markers: [place],
          lines: (found.river?.lines ?? []).map((line) => river(line as [number, number][])),
          office: role === 'office',
          spot: { latitude: place.latitude, longitude: place.longitude },
          clocks: clocksOf(found).filter(({ kind }) => kind !== 'refuse'),
          refuse: refuse && here.some(({ action }) => action === 'return') ? `不属于本单位的，可以退回：${left(refuse.due_at).words}（到${when(refuse.due_at)}）` : '',
          reports: reportsOf(found, role === 'office'),
          before: found.reports.flatMap(({ photos }) => photos),
          after: found.evidence.filter(({ purpose }) => purpose !== 'report'),
          steps: stepsOf(steps, units),
          holders: holdersOf(found),
          assisting: found.assignments.filter(({ part }) => part === 'assist').map((one) => ({ words: `${one.unit_name}：${one.acknowledged_at ? '已确认' : '还没有确认'}` })),
          handler: lead?.handler ? `${lead.handler.name}${lead.handler.deputy_name ? `（今天由${lead.handler.deputy_name}代办）` : ''}` : '',
          suggested: found.suggested ? [found.suggested.unit, ...found.suggested.assisting].map((code) => units.get(code) ?? code).join('，协办：') : '',
          letters: lettersOf(letters),
          reminders: remindersOf(found),
          calls: callsOf(found),
          entries: entries.map((one) => ({ words: `${one.unit_name ?? one.role_title}：${one.title}${one.text ? `，${one.text}` : ''}`, when: when(one.at) })).reverse(),
          doubtful: looked ? photosOf(looked) : [],
          unsettled: looked?.unsettled ?? 0,
          twins,
          buttons: here.map(({ action, title }) => button(action, title)),
          desk: desk.map(({ title }) => title).join('、'),
        })
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    async twinsOf(id: string) {
      const found = await duplicates(id)
      return Promise.all(
        found.map(async (one) => {
          const other = await read(one.case_id)
          const [first] = other.reports
          const words = `相距 ${Math.round(one.distance_m)} 米，${other.state_title}${other.lead_unit_name ? `，${other.lead_unit_name}` : ''}`
          return { id: one.case_id, number: one.number, words, text: first?.text ?? '', photos: first?.photos ?? [] }
        }),
      )
    },
    async onPullDownRefresh() {
      await this.load()
      await platform.stopRefreshing()
    },
    open(event: WechatMiniprogram.TouchEvent) {
      void platform.go(`/packages/official/case/case?id=${String(event.currentTarget.dataset['id'])}`)
    },
    publication() {
      if (this.data.found) void platform.go(`/packages/official/publication/publication?case=${this.data.found.id}`)
    },
    showPlace() {
      void platform.showPlace({ ...this.data.spot, name: this.data.found?.number ?? '' })
    },
    call(event: WechatMiniprogram.TouchEvent) {
      void platform.call(String(event.currentTarget.dataset['phone']))
    },

    /** What loses nothing is done at this tap; the rest has a form that says what will happen. */
    async act(event: WechatMiniprogram.TouchEvent) {
      const { action, about = '' } = event.currentTarget.dataset as { action: string; about?: string }
      const { found, busy } = this.data
      if (!found || busy) return
      if (!atOnce(action)) return platform.go(`/packages/official/action/action?case=${found.id}&action=${action}&about=${about}`)
      this.setData({ busy: true })
      try {
        await carryOut({ caseId: found.id, action, body: {}, version: found.version, key: `${action}-${found.id}-${found.version}` })
        platform.say('办好了', 'success')
      } catch (error) {
        platform.say(unreachable(error).title)
      } finally {
        this.setData({ busy: false })
      }
      await this.load()
    },
  },
})
