// From what the phone tells of its place to the points of a track. WeChat tells no time with a place, so the time is
// that of the callback; it says "unknown" by a negative speed; the first callback after a stay in the background is
// marked, because a burst of old places may follow it.
import type { Fix } from '../platform/index'
import type { Point } from './boxes'

/** Callbacks come up to once a second; nobody walks far in two. */
const APART_MS = 2000
/** So long without a place, and the phone is taken to have stopped telling. */
export const SILENT_MS = 60_000

export class Tracker {
  private last: Point | undefined
  private away = false
  private heardMs: number

  constructor(
    private readonly now: () => number,
    private readonly keep: (point: Point) => void,
    resumed = false,
  ) {
    this.away = resumed
    this.heardMs = now()
  }

  /** A callback of onLocationChange. */
  heard(fix: Fix): void {
    const at = this.now()
    this.heardMs = at
    if (!onEarth(fix)) return
    const since = this.last ? at - this.last[0] : APART_MS
    if (since >= 0 && since < APART_MS && !this.away) return
    const point: Point = [
      at,
      rounded(fix.longitude, 7),
      rounded(fix.latitude, 7),
      fix.accuracy > 0 ? rounded(fix.accuracy, 1) : null,
      fix.speed >= 0 ? rounded(fix.speed, 2) : null,
      Number.isFinite(fix.altitude) ? rounded(fix.altitude, 1) : null,
      this.away ? 1 : 0,
    ]
    this.away = false
    this.last = point
    this.keep(point)
  }

  /** The app came back from the background: the next callback may be the first of a burst. */
  returned(): void {
    this.away = true
  }

  /** Whether the phone has told no place for so long that it has to be asked again. */
  silent(): boolean {
    return this.now() - this.heardMs > SILENT_MS
  }

  /** The phone was asked again: count from now. */
  asked(): void {
    this.heardMs = this.now()
    this.away = true
  }
}

/** What the server would refuse a whole batch for. */
function onEarth({ longitude, latitude }: Fix): boolean {
  return Number.isFinite(longitude) && Number.isFinite(latitude) && Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
