// Days as a deadline counts them: weekends and holidays are off, make-up days are worked. The calendar is the county's;
// which deadline holds, the server reckons (backend/clock.py), this only shows it while somebody chooses.
import { county, type County } from './county'

export type Calendar = County['calendar']

export interface Cell {
  /** 2026-06-08; empty before the first of the month. */
  date: string
  day: number
  /** 休 for a holiday, 班 for a weekend day that is worked. */
  mark: '休' | '班' | ''
  off: boolean
  early: boolean
  name: string
}

const WEEKENDS_ALONE: Calendar = { years: [], holidays: [], workdays: [] }
const WEEK = ['日', '一', '二', '三', '四', '五', '六']
const DAY_MS = 86_400_000
const utc = (date: string) => new Date(`${date}T00:00:00Z`)
const iso = (at: Date) => at.toISOString().slice(0, 10)

/** Of a phone that kept the county before it had a calendar, weekends alone are known. */
export async function calendar(): Promise<Calendar> {
  return (await county()).calendar ?? WEEKENDS_ALONE
}

/** Today in China, whatever the phone is set to. */
export const today = (nowMs = Date.now()): string => iso(new Date(nowMs + 8 * 3600_000))

function markOf({ years, holidays, workdays }: Calendar, date: string): Cell['mark'] {
  if (!years.includes(Number(date.slice(0, 4)))) return ''
  return workdays.includes(date) ? '班' : holidays.includes(date) ? '休' : ''
}

export function isWorkday(calendar: Calendar, date: string): boolean {
  const mark = markOf(calendar, date)
  return mark ? mark === '班' : utc(date).getUTCDay() % 6 !== 0
}

/** Working days after `from`, up to and including `until`. */
export function workdaysAfter(calendar: Calendar, from: string, until: string): number {
  let days = 0
  for (let at = utc(from).getTime() + DAY_MS; at <= utc(until).getTime(); at += DAY_MS) if (isWorkday(calendar, iso(new Date(at)))) days++
  return days
}

/** 6月8日，周一 */
export function dayWords(date: string): string {
  const at = utc(date)
  return `${at.getUTCMonth() + 1}月${at.getUTCDate()}日，周${WEEK[at.getUTCDay()]}`
}

/** The month of a day (2026-06), so many months on. */
export function turned(month: string, by: number): string {
  const at = utc(`${month}-01`)
  at.setUTCMonth(at.getUTCMonth() + by)
  return iso(at).slice(0, 7)
}

/** A month as rows of a week that begins on Monday; what lies before `min` can not be chosen. */
export function cellsOf(calendar: Calendar, month: string, min: string): Cell[] {
  const first = utc(`${month}-01`)
  const blank = (first.getUTCDay() + 6) % 7
  const cells: Cell[] = Array.from({ length: blank }, () => ({ date: '', day: 0, mark: '', off: false, early: true, name: '' }))
  for (let at = first; iso(at).startsWith(month); at = new Date(at.getTime() + DAY_MS)) {
    const date = iso(at)
    const mark = markOf(calendar, date)
    const kind = { 休: '，节假日', 班: '，调休上班', '': isWorkday(calendar, date) ? '' : '，休息' }[mark]
    cells.push({ date, day: at.getUTCDate(), mark, off: !isWorkday(calendar, date), early: date < min, name: dayWords(date) + kind })
  }
  return cells
}
