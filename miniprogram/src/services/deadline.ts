// What is left of a clock, in words and as a tone: never by colour alone.
const HOUR_MS = 3600_000
const DAY_MS = 24 * HOUR_MS
const OFFSET_MS = 8 * HOUR_MS
const SOON_DAYS = 1

export interface Clock {
  kind: string
  holder: string
  due_at: string
  overdue: boolean
}

export interface Left {
  words: string
  tone: '' | 'warn' | 'danger'
}

const KINDS: Record<string, string> = { triage: '分办', refuse: '退回', accept: '签收', rectify: '整改', review: '核查' }

export const kindOf = (kind: string): string => KINDS[kind] ?? kind

/** 已超期 2 天, 还剩 5 小时, 还剩 3 天. Days are days of the calendar in China; under a day it is hours, under an hour minutes. */
export function left(dueAt: string, now = new Date()): Left {
  const due = new Date(dueAt).getTime()
  const off = due - now.getTime()
  if (off < 0) return { words: `已超期 ${span(-off, daysBetween(due, now.getTime()))}`, tone: 'danger' }
  const days = daysBetween(now.getTime(), due)
  return { words: `还剩 ${span(off, days)}`, tone: days <= SOON_DAYS ? 'warn' : '' }
}

function span(ms: number, days: number): string {
  if (ms >= DAY_MS) return `${Math.max(1, days)} 天`
  return ms >= HOUR_MS ? `${Math.floor(ms / HOUR_MS)} 小时` : `${Math.max(1, Math.floor(ms / 60_000))} 分钟`
}

function daysBetween(earlier: number, later: number): number {
  const day = (at: number) => Math.floor((at + OFFSET_MS) / DAY_MS)
  return day(later) - day(earlier)
}

/** The clock that presses first. The term for refusing is a right, not a duty, and presses nobody. */
export function pressing<C extends Clock>(clocks: C[]): C | undefined {
  return clocks.filter(({ kind }) => kind !== 'refuse').sort((a, b) => Date.parse(a.due_at) - Date.parse(b.due_at))[0]
}
