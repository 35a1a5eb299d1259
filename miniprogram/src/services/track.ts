// What is shown while walking: minutes, metres along the river, the share of the reach. The verdict is the server's own
// reckoning; these figures are made to agree with it closely and to be a little modest.
import type { Box, Point } from './boxes'
import { metresBetween } from './coordinates'

/** A reach as the server gives it (services/ground): its line in WGS-84 degrees. */
export interface Line {
  code: string
  line: [number, number][]
  corridor_m: number
}

export interface Figures {
  minutes: number
  /** Along the named reaches, in metres. */
  metres: number
  /** Code of a reach → the share of its length walked, 0 to 1. */
  coverage: Record<string, number>
  points: number
}

const CELL_M = 20
/** A step shorter than this is noise: the anchor stays where it is. */
const STEP_M = 8
/** A longer silence is not bridged: the server does not count it. */
const GAP_MS = 300_000
const FASTEST_MPS = 30
/** A worse place counts for nothing. */
const WORST_M = 150
const M_PER_DEGREE = 111_195

/** The figures of a walk, point by point. */
export class Meter {
  private anchor: Point | undefined
  private last: Point | undefined
  private metres = 0
  private points = 0
  private readonly cells = new Map<string, Uint8Array>()
  private readonly lines: Projected[]

  constructor(lines: Line[]) {
    this.lines = lines.map((line) => new Projected(line))
    for (const line of this.lines) this.cells.set(line.code, new Uint8Array(Math.max(1, Math.ceil(line.length / CELL_M))))
  }

  add(point: Point): void {
    this.points += 1
    this.last = point
    if ((point[3] ?? 0) > WORST_M) return
    const from = this.anchor
    const seconds = from ? (point[0] - from[0]) / 1000 : 0
    if (!from || seconds * 1000 > GAP_MS || seconds < 0) {
      this.anchor = point
      return
    }
    const step = metresBetween(place(from), place(point))
    if (step < STEP_M || step > FASTEST_MPS * Math.max(1, seconds)) return
    this.anchor = point
    let most = 0
    for (const line of this.lines) {
      const [a, b] = [line.along(from), line.along(point)]
      if (a === undefined || b === undefined || Math.abs(a - b) > step + line.corridor / 4) continue
      most = Math.max(most, Math.abs(a - b))
      const cells = this.cells.get(line.code)
      cells?.fill(1, Math.floor(Math.min(a, b) / CELL_M), Math.ceil(Math.max(a, b) / CELL_M))
    }
    this.metres += Math.min(most, step)
  }

  /** `nowMs`: by the phone's clock. */
  figures(box: Pick<Box, 'start' | 'pauses' | 'phase' | 'endedAt'>, nowMs: number): Figures {
    const began = new Date(box.start.started_at).getTime()
    const end = box.endedAt ? new Date(box.endedAt).getTime() : nowMs
    const paused = box.pauses.reduce((sum, [from, to]) => sum + Math.max(0, (to ?? end) - from), 0)
    const coverage: Record<string, number> = {}
    for (const [code, cells] of this.cells) coverage[code] = cells.reduce((sum, cell) => sum + cell, 0) / cells.length
    return { minutes: Math.max(0, Math.floor((end - began - paused) / 60_000)), metres: Math.round(this.metres), coverage, points: this.points }
  }

  latest(): Point | undefined {
    return this.last
  }
}

const place = (point: Point) => ({ longitude: point[1], latitude: point[2] })

/** A reach's line on a plane in metres; good to half a per cent over the length of a reach. */
class Projected {
  readonly code: string
  readonly length: number
  readonly corridor: number
  private readonly corners: { x: number; y: number; begins: number }[]
  private readonly scale: number

  constructor({ code, line, corridor_m }: Line) {
    this.code = code
    this.corridor = corridor_m
    const middle = line[Math.floor(line.length / 2)]?.[1] ?? 0
    this.scale = Math.cos((middle * Math.PI) / 180) * M_PER_DEGREE
    let [begins, before] = [0, undefined as { x: number; y: number } | undefined]
    this.corners = line.map(([lon, lat]) => {
      const [x, y] = [lon * this.scale, lat * M_PER_DEGREE]
      if (before) begins += Math.hypot(x - before.x, y - before.y)
      before = { x, y }
      return { x, y, begins }
    })
    this.length = begins
  }

  /** Metres from the beginning of the line to where the point is beside it, or undefined outside the corridor. */
  along(point: Point): number | undefined {
    const [x, y] = [point[1] * this.scale, point[2] * M_PER_DEGREE]
    let [best, nearest] = [undefined as number | undefined, this.corridor + (point[3] ?? 0)]
    for (let n = 1; n < this.corners.length; n++) {
      const [a, b] = [this.corners[n - 1], this.corners[n]]
      if (!a || !b) continue
      const [dx, dy] = [b.x - a.x, b.y - a.y]
      const square = dx * dx + dy * dy
      const share = square ? Math.max(0, Math.min(1, ((x - a.x) * dx + (y - a.y) * dy) / square)) : 0
      const distance = Math.hypot(x - a.x - share * dx, y - a.y - share * dy)
      if (distance > nearest) continue
      nearest = distance
      best = a.begins + share * (b.begins - a.begins)
    }
    return best
  }
}
