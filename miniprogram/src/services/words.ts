// Times and lengths as people say them. Shown in China's time, whatever the phone is set to.

const OFFSET_MS = 8 * 3600_000
const DAY_MS = 86_400_000

interface Parts {
  year: number
  month: number
  day: number
  hour: string
  minute: string
}

function parts(at: Date): Parts {
  const local = new Date(at.getTime() + OFFSET_MS)
  const two = (n: number) => String(n).padStart(2, '0')
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
    hour: two(local.getUTCHours()),
    minute: two(local.getUTCMinutes()),
  }
}

/** 今天 09:05, 昨天 09:05, 6月8日 09:05, 2025年6月8日 09:05 */
export function when(iso: string, now = new Date()): string {
  const at = new Date(iso)
  const [then, today] = [parts(at), parts(now)]
  const time = `${then.hour}:${then.minute}`
  const days = daysBetween(at, now)
  if (days === 0) return `今天 ${time}`
  if (days === 1) return `昨天 ${time}`
  if (days === -1) return `明天 ${time}`
  return `${then.year === today.year ? '' : `${then.year}年`}${then.month}月${then.day}日 ${time}`
}

/** How long until a deadline, or since it passed: 还有3天, 还有5小时, 已超2天. */
export function left(iso: string, now = new Date()): string {
  const ms = new Date(iso).getTime() - now.getTime()
  const [word, span] = ms >= 0 ? ['还有', ms] : ['已超', -ms]
  if (span >= 2 * DAY_MS) return `${word}${Math.floor(span / DAY_MS)}天`
  if (span >= 3600_000) return `${word}${Math.floor(span / 3600_000)}小时`
  return `${word}${Math.max(1, Math.floor(span / 60_000))}分钟`
}

export function metres(m: number): string {
  return m < 1000 ? `${Math.round(m)}米` : `${(m / 1000).toFixed(m < 10_000 ? 2 : 1)}公里`
}

export function minutes(seconds: number): string {
  const whole = Math.floor(seconds / 60)
  return whole < 60 ? `${whole}分钟` : `${Math.floor(whole / 60)}小时${whole % 60 ? `${whole % 60}分钟` : ''}`
}

function daysBetween(earlier: Date, later: Date): number {
  const day = (at: Date) => Math.floor((at.getTime() + OFFSET_MS) / DAY_MS)
  return day(later) - day(earlier)
}
