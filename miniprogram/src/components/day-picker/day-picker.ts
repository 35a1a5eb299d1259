// A day, chosen from a month in which days off and make-up days are marked: deadlines count working days.
import { calendar, cellsOf, dayWords, isWorkday, today, turned, workdaysAfter, type Calendar, type Cell } from '../../services/calendar'

Component({
  options: { styleIsolation: 'isolated' },
  properties: { label: String, value: { type: String, value: '', observer: 'shown' }, min: String },
  data: { calendar: null as Calendar | null, words: '', open: false, month: '', title: '', picked: '', counted: '', cells: [] as Cell[], first: true, week: ['一', '二', '三', '四', '五', '六', '日'] },
  lifetimes: {
    attached() {
      void calendar().then((known) => {
        this.setData({ calendar: known })
        this.shown()
      })
    },
  },
  methods: {
    shown() {
      this.setData({ words: this.properties.value ? dayWords(this.properties.value) : '' })
    },
    show() {
      const { value } = this.properties
      this.setData({ open: true })
      this.pick(value)
      this.turnTo((value || this.earliest()).slice(0, 7))
    },
    earliest(): string {
      return this.properties.min || today()
    },
    turnTo(month: string) {
      const known = this.data.calendar
      if (!known) return
      const first = month <= this.earliest().slice(0, 7)
      this.setData({ month, first, title: `${Number(month.slice(0, 4))}年${Number(month.slice(5))}月`, cells: cellsOf(known, month, this.earliest()) })
    },
    before() {
      if (!this.data.first) this.turnTo(turned(this.data.month, -1))
    },
    after() {
      this.turnTo(turned(this.data.month, 1))
    },
    choose(event: WechatMiniprogram.TouchEvent) {
      const { date, early } = event.currentTarget.dataset as { date: string; early: boolean }
      if (date && !early) this.pick(date)
    },
    pick(date: string) {
      const known = this.data.calendar
      if (!date || !known) return this.setData({ picked: '', counted: '' })
      const days = workdaysAfter(known, today(), date)
      const rest = isWorkday(known, date) ? '' : '（这天休息）'
      this.setData({ picked: date, counted: `${dayWords(date)}${rest}，从明天算起有 ${days} 个工作日` })
    },
    take() {
      if (!this.data.picked) return this.setData({ counted: '请先点一个日子。' })
      this.setData({ open: false })
      this.triggerEvent('change', { value: this.data.picked })
    },
    close() {
      this.setData({ open: false })
    },
  },
})
