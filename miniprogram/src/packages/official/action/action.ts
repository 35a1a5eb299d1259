// The one form for every action on a case: fields as the server asks for them, what will happen in plain words, and nothing
// that was typed is lost, whatever comes in between.
import * as platform from '../../../platform/index'
import { bodyOf, BESIDE, fieldsOf, keyFor, lacking, meaning, type Field, type Place, type Values } from '../../../services/actions'
import { carryOut, duplicates, events, inspectors, page as casesPage, read, type Case, type Contact } from '../../../services/cases'
import { today } from '../../../services/calendar'
import { county } from '../../../services/county'
import { colleagues } from '../../../services/deputies'
import { unreachable, type Problem } from '../../../services/http'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { sound, take, upload, type Photo } from '../../../services/photos'
import { current } from '../../../services/session'
import { when } from '../../../services/words'

interface Choice {
  code: string
  name: string
}
const PHOTOS_MAX = 9
const SHOWN_MAX = 30

Component({
  properties: { case: String, action: String, about: String },
  data: {
    page: LOADING as PageState,
    found: null as Case | null,
    title: '',
    means: '',
    fields: [] as (Field & { chosen: string })[],
    values: {} as Values,
    choices: {} as Record<string, Choice[]>,
    offered: {} as Record<string, Choice[]>,
    today: '',
    place: '',
    faults: [] as string[],
    changed: [] as string[],
    gone: '',
    progress: '',
    seen: null as Contact | null,
    sent: undefined as { body: string; key: string } | undefined,
    busy: false,
  },
  lifetimes: {
    attached() {
      void this.load()
    },
  },
  methods: {
    draftKey(): string {
      return `act:${this.properties.case}:${this.properties.action}:${this.properties.about}`
    },
    async load() {
      try {
        const { action } = this.properties
        const found = await read(this.properties.case)
        const row = BESIDE[action] ?? found.allowed_actions.find((one) => one.action === action)
        if (!row) return this.setData({ page: READY, found, gone: `案件现在是“${found.state_title}”，不能再做这一步。` })
        const fields = fieldsOf(action, row.needs)
        const choices = await this.choicesFor(fields, found)
        const values = { ...this.firstGuess(found, fields), ...platform.read<Values>(this.draftKey()) }
        const offered = Object.fromEntries(fields.map(({ name }) => [name, (choices[name] ?? []).slice(0, SHOWN_MAX)]))
        this.setData({ page: READY, found, title: row.title, means: meaning(action), choices, offered, today: today() })
        this.show(fields, values)
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    /** Where routing would have sent it stands filled in; whoever decides may choose another. */
    firstGuess(found: Case, fields: Field[]): Values {
      const guess: Values = {}
      if (found.suggested && fields.some(({ name }) => name === 'unit')) Object.assign(guess, { unit: found.suggested.unit, assisting: found.suggested.assisting })
      if (fields.some(({ name }) => name === 'person')) guess['person'] = found.assignments.find(({ part }) => part === 'lead')?.handler?.name ?? ''
      return guess
    },
    async choicesFor(fields: Field[], found: Case): Promise<Record<string, Choice[]>> {
      const all = await Promise.all(fields.map(async (field) => [field.name, await this.choicesOf(field, found)] as const))
      return Object.fromEntries(all)
    },
    async choicesOf({ control }: Field, found: Case): Promise<Choice[]> {
      if (control === 'unit' || control === 'units') return (await county()).units.filter(({ kind }) => kind !== 'county_office')
      if (control === 'colleague') return (await colleagues(current()?.role === 'office' ? (found.lead_unit ?? undefined) : undefined)).items.map(({ id, name, titles }) => ({ code: id, name: `${name}（${titles.join('、')}）` }))
      if (control === 'inspector') return (await inspectors()).map(({ id, name }) => ({ code: id, name }))
      if (control === 'supplement') return found.reports.flatMap(({ supplements }) => supplements.filter(({ released }) => !released).map(({ id, text }) => ({ code: id, name: text })))
      if (control === 'case') return this.targets(found)
      return []
    },
    async targets(found: Case): Promise<Choice[]> {
      const near = (await duplicates(found.id)).map((one) => ({ code: one.case_id, name: `${one.number}，相距 ${Math.round(one.distance_m)} 米` }))
      const { items } = await casesPage({ category: found.category, state: 'submitted,triage,assigned,accepted,rectifying,in_review', limit: 30 })
      const others = items.filter(({ id }) => id !== found.id && !near.some(({ code }) => code === id)).map(({ id, number, lead_unit_name }) => ({ code: id, name: `${number}，${lead_unit_name ?? '待分办'}` }))
      return [...near, ...others]
    },

    /** Put values in; each field carries what its control shows. */
    show(fields: Field[], values: Values) {
      const shown = fields.map((field) => ({ ...field, chosen: this.wordsFor(field, values) }))
      this.setData({ fields: shown, values })
    },
    wordsFor({ name }: Field, values: Values): string {
      const value = values[name]
      const known = this.data.choices[name] ?? []
      const codes = Array.isArray(value) ? (value as (string | Photo)[]).filter((one): one is string => typeof one === 'string') : typeof value === 'string' ? [value] : []
      return codes.map((code) => known.find((one) => one.code === code)?.name ?? '').filter(Boolean).join('、')
    },
    set(name: string, value: Values[string]) {
      const values = { ...this.data.values, [name]: value }
      platform.write(this.draftKey(), values)
      this.show(this.data.fields, values)
      this.setData({ faults: [] })
    },
    type(event: WechatMiniprogram.Input) {
      this.set(String(event.currentTarget.dataset['name']), event.detail.value)
    },
    useTemplate(event: WechatMiniprogram.TouchEvent) {
      const { name, words } = event.currentTarget.dataset as { name: string; words: string }
      const before = String(this.data.values[name] ?? '')
      this.set(name, before.includes(words) ? before : before + words)
    },
    pickDate(event: WechatMiniprogram.CustomEvent<{ value: string }>) {
      this.set(String(event.currentTarget.dataset['name']), event.detail.value)
    },
    search(event: WechatMiniprogram.Input) {
      const name = String(event.currentTarget.dataset['name'])
      const typed = event.detail.value.trim()
      const found = (this.data.choices[name] ?? []).filter((one) => one.name.includes(typed)).slice(0, SHOWN_MAX)
      this.setData({ offered: { ...this.data.offered, [name]: found } })
    },
    choose(event: WechatMiniprogram.TouchEvent) {
      const { name, code, many } = event.currentTarget.dataset as { name: string; code: string; many: boolean }
      if (!many) return this.set(name, code)
      const held = (this.data.values[name] ?? []) as string[]
      this.set(name, held.includes(code) ? held.filter((one) => one !== code) : [...held, code])
    },

    /** Where the phone is, or undefined when it does not tell. */
    async here(): Promise<Place | undefined> {
      try {
        const { longitude, latitude, accuracy } = await platform.whereAmI()
        this.setData({ place: `已定位，误差约 ${Math.round(accuracy)} 米` })
        return { lon: longitude, lat: latitude, coord_type: 'wgs84', accuracy_m: accuracy }
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
        this.setData({ place: error.reason === 'denied' ? '没有允许定位：请在微信的设置里打开位置权限。' : '没有定到位，请到开阔的地方再试。' })
        return undefined
      }
    },
    async locate(event: WechatMiniprogram.TouchEvent) {
      const place = await this.here()
      if (place) this.set(String(event.currentTarget.dataset['name']), place)
    },
    async addPhotos(event: WechatMiniprogram.TouchEvent) {
      const name = String(event.currentTarget.dataset['name'])
      const held = (this.data.values[name] ?? []) as Photo[]
      const place = await this.here()
      try {
        const at = place ? { longitude: place.lon, latitude: place.lat } : undefined
        this.set(name, [...held, ...(await take(Math.max(1, PHOTOS_MAX - held.length), at, true, 'case'))])
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
        if (error.reason === 'denied') platform.say('没有允许用相机：请在微信的设置里打开。')
        else if (error.reason === 'full') platform.say('手机存满了，请清理后再拍。')
        else if (error.reason !== 'cancelled') platform.say('没有拍成，请再试一次。')
      }
    },
    removePhoto(event: WechatMiniprogram.CustomEvent<{ index: number }>) {
      const name = String(event.currentTarget.dataset['name'])
      this.set(name, ((this.data.values[name] ?? []) as Photo[]).filter((_, n) => n !== event.detail.index))
    },

    /** Send the photos that are not yet with the server, and wait until it has looked at them. */
    async sendPhotos() {
      for (const { name, label } of this.data.fields.filter(({ control }) => control === 'photos')) {
        const held = [...((this.data.values[name] ?? []) as Photo[])]
        for (const [n, photo] of held.entries()) {
          this.setData({ progress: `正在上传${label} ${n + 1}/${held.length}` })
          held[n] = await upload(photo, 'work', (percent) => this.setData({ progress: `正在上传${label} ${n + 1}/${held.length}，${percent}%` }))
          this.set(name, held)
        }
        this.setData({ progress: held.length ? '正在检查照片' : '' })
        for (const photo of held) await sound(photo)
      }
    },
    async submit() {
      const { found, fields, values, busy } = this.data
      if (!found || busy) return
      const faults = lacking(fields, values)
      this.setData({ faults })
      if (faults.length) return
      this.setData({ busy: true })
      try {
        await this.sendPhotos()
        const body = bodyOf(fields, this.data.values)
        const sent = keyFor(body, this.data.sent, platform.randomId)
        this.setData({ sent })
        const seen = await carryOut({ caseId: found.id, action: this.properties.action, about: this.properties.about, body, version: found.version, key: sent.key })
        platform.forget(this.draftKey())
        if (seen) return this.setData({ seen })
        platform.say(`${this.data.title}，已办好`, 'success')
        await platform.back()
      } catch (error) {
        await this.failedWith(unreachable(error), found)
      } finally {
        this.setData({ busy: false, progress: '' })
      }
    },
    /** Somebody was faster: say what changed, keep what was typed. Everything else is said as the server says it. */
    async failedWith(problem: Problem, before: Case) {
      this.setData({ faults: [problem.title] })
      if (problem.status !== 409) return
      try {
        const [found, steps] = await Promise.all([read(before.id), events(before.id)])
        const changed = steps.filter(({ seq }) => seq > before.version).map((one) => `${when(one.at)}　${one.title}${one.by ? `（${one.by}）` : ''}${one.text ? `：${one.text}` : ''}`)
        const { action } = this.properties
        const still = action in BESIDE || found.allowed_actions.some((one) => one.action === action)
        const gone = still ? '' : `案件现在是“${found.state_title}”，不能再做这一步。您写的内容还在下面，可以复制。`
        this.setData({ found, changed, gone, sent: undefined, faults: changed.length && still ? ['看过上面的变化后，可以再提交一次。'] : [problem.title] })
      } catch (error) {
        this.setData({ faults: [problem.title, unreachable(error).title] })
      }
    },
    call() {
      if (this.data.seen) void platform.call(this.data.seen.phone)
    },
    back() {
      void platform.back()
    },
  },
})
