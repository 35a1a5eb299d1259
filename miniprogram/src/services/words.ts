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

function daysBetween(earlier: Date, later: Date): number {
  const day = (at: Date) => Math.floor((at.getTime() + OFFSET_MS) / DAY_MS)
  return day(later) - day(earlier)
}
