// The patrols that are kept on this phone until the server holds all of them, each in a box of its own on disk.
//
// A box is a small document (start, batches, photos, findings, visits, end) in two slots that are written in turn, so
// that one of them is whole at whatever moment the app is killed; and one file of points per batch that only ever grows,
// a line per point, never touched again by a later run of the app. What has been read from disk or written is in memory
// too: a phone whose storage is full goes on walking and sending, and says so.
import type { Photo } from './photos'

/** Callback time (ms, the phone's clock), longitude, latitude (WGS-84), accuracy, speed, altitude, 1 after a stay away. */
export type Point = [number, number, number, number | null, number | null, number | null, 0 | 1]

export interface Batch {
  id: string
  /** The phone's count; kept, because the server compares it when a batch comes again. */
  seq: number
  /** In use: points still come in. */
  open: boolean
  held: boolean
  beganMs: number
  battery: number | null
  words?: string
  final?: boolean
}

interface Waiting {
  id: string
  at: string
  held: boolean
  photos: Photo[]
  /** What went wrong the last time. A `final` fault has to be mended by the chief; sending again would not help. */
  words?: string
  final?: boolean
}

export interface Shot extends Waiting {
  kind: 'shot'
}

export interface Found extends Waiting {
  kind: 'finding'
  category: string
  categoryName: string
  text: string
  place: { longitude: number; latitude: number; accuracy: number | null }
  /** Settled on the spot 现场办结: photos after it, and what was done. */
  settled?: { photos: Photo[]; done: string }
  /** The case's number, once the server has told it. */
  number?: string | null
}

export interface Visited extends Waiting {
  kind: 'visit'
  /** Empty when a board's code was scanned: which board it is, the server says. */
  checkpoint: string
  token?: string
  name: string
  place: { longitude: number; latitude: number; accuracy: number | null } | null
  reached?: boolean
  whyNot?: string | null
}

export type Item = Shot | Found | Visited

export interface Start {
  role: string
  unit: string
  reaches: string[]
  started_at: string
  mode: 'walk' | 'bike' | 'boat' | 'vehicle'
  practice: boolean
  companions: string[]
}

export interface Box {
  rev: number
  id: string
  /** Whose patrol it is: nobody else's sign-in may send its start. */
  owner: string
  start: Start
  /** Code → name of the reaches, to be shown. */
  names: Record<string, string>
  phase: 'walking' | 'paused' | 'ended'
  /** Stretches of pause, ms by the phone's clock; the last one has no end while it lasts. */
  pauses: [number, number | null][]
  endedAt?: string
  grant?: string
  started: boolean
  finished: boolean
  batches: Batch[]
  items: Item[]
  words?: string
  final?: boolean
}

export interface Disk {
  list(): Promise<string[]>
  read(name: string): Promise<string | undefined>
  write(name: string, text: string): Promise<void>
  append(name: string, text: string): Promise<void>
  drop(name: string): Promise<void>
}

export const PHOTO_PREFIX = 'patrol-photo'
const slot = (id: string, rev: number) => `patrol-${id}.${rev % 2}.json`
const trackFile = (box: string, batch: string) => `track-${box}-${batch}.log`
const ID = '[0-9a-f-]{36}'

export class Boxes {
  /** Whether the last write failed: the phone is full, and what is new would not outlive the app. */
  full = false
  private readonly kept = new Map<string, Box>()
  private readonly lines = new Map<string, Point[]>()
  private readonly unwritten = new Map<string, Point[]>()
  private readonly chains = new Map<string, Promise<void>>()
  private readonly planned = new Set<string>()

  constructor(private readonly disk: Disk) {}

  /** Read everything that an earlier run of the app has left, and clear away what belongs to nothing: not `others`. */
  async open(others: Photo[] = []): Promise<void> {
    const names = await this.disk.list()
    const ids = new Set(names.map((name) => new RegExp(`^patrol-(${ID})\\.[01]\\.json$`).exec(name)?.[1]))
    for (const id of ids) {
      if (!id) continue
      const found = [await this.read(slot(id, 0)), await this.read(slot(id, 1))].filter((box) => box !== undefined)
      const box = found.sort((a, b) => b.rev - a.rev)[0]
      if (box) await this.take(box, names)
      else for (const rev of [0, 1]) await this.disk.drop(slot(id, rev)) // torn before the first was whole
    }
    await this.clear(names, others)
  }

  all(): Box[] {
    return [...this.kept.values()].sort((a, b) => a.start.started_at.localeCompare(b.start.started_at))
  }

  get(id: string): Box | undefined {
    return this.kept.get(id)
  }

  points(batch: string): Point[] {
    return this.lines.get(batch) ?? []
  }

  /** All points of a patrol that are still on this phone, in their order. */
  track(box: Box): Point[] {
    return box.batches.flatMap((batch) => this.points(batch.id))
  }

  add(box: Box): Promise<void> {
    this.kept.set(box.id, box)
    return this.save(box)
  }

  /** Write the box as it is when its turn comes; calls in between share one write. Never fails: see `full`. */
  save(box: Box): Promise<void> {
    if (this.planned.has(box.id)) return this.chains.get(box.id) ?? Promise.resolve()
    this.planned.add(box.id)
    return this.inTurn(box.id, async () => {
      this.planned.delete(box.id)
      if (this.kept.get(box.id) !== box) return
      await this.attempt(async () => {
        const rev = box.rev + 1
        await this.disk.write(slot(box.id, rev), JSON.stringify({ ...box, rev }))
        box.rev = rev // only now: a torn slot is written again, the whole one beside it is left alone
      })
    })
  }

  /** Keep a point of an open batch. */
  append(box: Box, batch: Batch, point: Point): Promise<void> {
    this.lines.set(batch.id, [...this.points(batch.id), point])
    this.unwritten.set(batch.id, [...(this.unwritten.get(batch.id) ?? []), point])
    return this.inTurn(box.id, () => this.writePoints(box, batch))
  }

  /** Forget a patrol of which the server holds everything. */
  async remove(box: Box): Promise<void> {
    this.kept.delete(box.id)
    await this.inTurn(box.id, async () => {
      for (const photo of photosOf(box)) await this.dropPhoto(photo)
      // The document goes last: while it is there, what is left of the rest can still be found.
      for (const batch of box.batches) await this.disk.drop(trackFile(box.id, batch.id))
      for (const batch of box.batches) this.lines.delete(batch.id)
      for (const rev of [box.rev + 1, box.rev]) await this.disk.drop(slot(box.id, rev))
    })
  }

  dropPhoto(photo: Photo): Promise<void> {
    return this.disk.drop(photo.file.split('/').pop() ?? '')
  }

  private async writePoints(box: Box, batch: Batch): Promise<void> {
    const points = this.unwritten.get(batch.id) ?? []
    if (!points.length) return
    await this.attempt(async () => {
      await this.disk.append(trackFile(box.id, batch.id), points.map((point) => `${JSON.stringify(point)}\n`).join(''))
      const more = (this.unwritten.get(batch.id) ?? []).slice(points.length)
      if (more.length) this.unwritten.set(batch.id, more)
      else this.unwritten.delete(batch.id)
    })
  }

  private async attempt(body: () => Promise<void>): Promise<void> {
    try {
      await body()
      this.full = false
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.full = true // what failed stays in memory and is tried again with the next write
    }
  }

  private inTurn(id: string, body: () => Promise<void>): Promise<void> {
    const next = (this.chains.get(id) ?? Promise.resolve()).then(body)
    this.chains.set(id, next)
    return next
  }

  private async read(name: string): Promise<Box | undefined> {
    const text = await this.disk.read(name)
    if (!text) return undefined
    try {
      return JSON.parse(text) as Box
    } catch {
      return undefined // the app was killed while it wrote; the other slot is whole
    }
  }

  private async take(box: Box, names: string[]): Promise<void> {
    const there = new Set(names)
    // A batch that was named and never got a point: killed in between. The server must not wait for it.
    box.batches = box.batches.filter((batch) => batch.held || there.has(trackFile(box.id, batch.id)))
    for (const batch of box.batches) {
      batch.open = false // a file of an earlier run is never written to again: its last line may be torn
      const text = (await this.disk.read(trackFile(box.id, batch.id))) ?? ''
      this.lines.set(batch.id, pointsIn(text))
    }
    box.batches = box.batches.filter((batch) => batch.held || this.points(batch.id).length)
    for (const photo of photosOf(box)) if (photo.state === 'uploading') photo.state = 'waiting'
    this.kept.set(box.id, box)
  }

  /** Tracks and photos of no box: killed between writing them and naming them, or while a box was removed. */
  private async clear(names: string[], others: Photo[]): Promise<void> {
    const boxes = [...this.kept.values()]
    const wanted = new Set(boxes.flatMap((box) => box.batches.map((batch) => trackFile(box.id, batch.id))))
    for (const photo of [...boxes.flatMap(photosOf), ...others]) wanted.add(photo.file.split('/').pop() ?? '')
    for (const name of names) {
      if (new RegExp(`^(track-|${PHOTO_PREFIX}-)${ID}`).test(name) && !wanted.has(name)) await this.disk.drop(name)
    }
  }
}

/** The whole lines of a file of points; a torn one, the last that a killed app wrote, is none. */
function pointsIn(text: string): Point[] {
  return text.split('\n').flatMap((line) => {
    try {
      return line ? [JSON.parse(line) as Point] : []
    } catch {
      return []
    }
  })
}

/** Every photo of a box that may still be a file on the phone. */
export function photosOf(box: Box): Photo[] {
  return box.items.flatMap((item) => photosOfItem(item))
}

export function photosOfItem(item: Item): Photo[] {
  return item.kind === 'finding' ? [...item.photos, ...(item.settled?.photos ?? [])] : item.photos
}

export interface Counts {
  points: number
  photos: number
  findings: number
  visits: number
  /** Start and end. */
  words: number
  /** Those that need the chief: sending again would not help. */
  stuck: number
  total: number
}

/** What of a box is to be sent, and the server has not said yet that it holds. The batch in use is not due yet. */
export function waitingIn(box: Box, boxes: Pick<Boxes, 'points'>): Counts {
  const items = box.items.filter((item) => !item.held)
  const of = (kind: Item['kind']) => items.filter((item) => item.kind === kind)
  const batches = box.batches.filter((batch) => !batch.held && !batch.open)
  const points = batches.reduce((sum, batch) => sum + boxes.points(batch.id).length, 0)
  const words = (box.started ? 0 : 1) + (box.phase === 'ended' && !box.finished ? 1 : 0)
  const stuck = items.filter((item) => item.final).length + batches.filter((batch) => batch.final).length + (box.final ? 1 : 0)
  return {
    points,
    photos: items.reduce((sum, item) => sum + photosOfItem(item).length, 0),
    findings: of('finding').length,
    visits: of('visit').length,
    words,
    stuck,
    total: batches.length + items.length + words,
  }
}
