// A patrol on this phone from its start to its end: what is done is written down at once, and sent when it can be.
import type { Fix } from '../platform/index'
import { Tracker } from './tracker'
import { photosOfItem, type Batch, type Box, type Boxes, type Found, type Item, type Point, type Shot, type Start, type Visited } from './boxes'
import type { Photo } from './photos'
import type { Queue } from './queue'

/** A batch is closed, and with that ready to be sent, at so many points or after so long. */
const BATCH_POINTS = 60
const BATCH_MS = 180_000

export interface Deps {
  now(): number
  battery(): number | null
  randomId(): string
  changed(): void
}

type New<T> = Omit<T, 'id' | 'at' | 'held' | 'kind'>

export class Walk {
  private tracker: Tracker | undefined

  constructor(
    private readonly boxes: Boxes,
    private readonly queue: Queue,
    private readonly deps: Deps,
  ) {}

  /** The patrol that goes on, or was interrupted and may go on. */
  current(): Box | undefined {
    return this.boxes.all().find((box) => box.phase !== 'ended')
  }

  /** Start a patrol. It is on disk before anything of it is sent. */
  async begin(start: Omit<Start, 'started_at'>, owner: string, names: Record<string, string>): Promise<Box> {
    const box: Box = {
      rev: 0,
      id: this.deps.randomId(),
      owner,
      start: { ...start, started_at: this.time() },
      names,
      phase: 'walking',
      pauses: [],
      started: false,
      finished: false,
      batches: [],
      items: [],
    }
    await this.boxes.add(box)
    this.tracker = new Tracker(this.deps.now, (point) => this.keep(point))
    this.send()
    return box
  }

  heard(fix: Fix): void {
    const box = this.current()
    if (box?.phase !== 'walking') return
    this.tracker ??= new Tracker(this.deps.now, (point) => this.keep(point), true)
    this.tracker.heard(fix)
  }

  returned(): void {
    this.tracker?.returned()
  }

  /** Whether the phone has fallen silent and should be asked for its place again; asking counts. */
  silent(): boolean {
    if (this.current()?.phase !== 'walking' || !this.tracker?.silent()) return false
    this.tracker.asked()
    return true
  }

  async pause(): Promise<void> {
    const box = this.current()
    if (box?.phase !== 'walking') return
    this.close(box)
    box.phase = 'paused'
    box.pauses.push([this.deps.now(), null])
    await this.boxes.save(box)
    this.send()
  }

  /** Go on after a pause, or after the app was killed. */
  async resume(): Promise<void> {
    const box = this.current()
    if (!box) return
    this.tracker = new Tracker(this.deps.now, (point) => this.keep(point), true)
    const pause = box.pauses[box.pauses.length - 1]
    if (box.phase === 'paused' && pause) pause[1] = this.deps.now()
    box.phase = 'walking'
    await this.boxes.save(box)
    this.send()
  }

  /** End the patrol; from an interrupted one, at its last point. */
  async finish(box: Box, atMs = this.deps.now()): Promise<void> {
    this.close(box)
    box.phase = 'ended'
    box.endedAt = new Date(Math.max(atMs, new Date(box.start.started_at).getTime())).toISOString()
    this.tracker = undefined
    await this.boxes.save(box)
    this.send()
  }

  shoot(box: Box, photo: Shot['photos'][number]): Promise<Item> {
    return this.add(box, { kind: 'shot', photos: [photo], at: photo.takenAt })
  }

  find(box: Box, found: New<Found> & { at?: string }): Promise<Item> {
    return this.add(box, { ...found, kind: 'finding' })
  }

  visit(box: Box, visited: New<Visited>): Promise<Item> {
    return this.add(box, { ...visited, kind: 'visit' })
  }

  /** Take out something that has not been sent, and its photos. */
  async discard(box: Box, item: Item): Promise<void> {
    if (item.held) return
    box.items = box.items.filter((one) => one !== item)
    await this.boxes.save(box)
    for (const photo of photosOfItem(item)) await this.boxes.dropPhoto(photo)
    this.send()
  }

  /** Put another photo in the place of one that cannot be used, and send again. */
  async replacePhoto(box: Box, item: Item, bad: Photo, good: Photo): Promise<void> {
    const swap = (photos: Photo[]) => photos.map((photo) => (photo === bad ? good : photo))
    item.photos = swap(item.photos)
    if (item.kind === 'finding' && item.settled) item.settled.photos = swap(item.settled.photos)
    item.final = false
    item.words = ''
    await this.boxes.save(box)
    await this.boxes.dropPhoto(bad)
    await this.queue.wake()
  }

  /** Give up a whole patrol that the server will not take; everything of it leaves the phone. */
  async giveUp(box: Box): Promise<void> {
    await this.boxes.remove(box)
    this.deps.changed()
  }

  private async add(box: Box, item: (New<Shot> & { kind: 'shot' }) | (New<Found> & { kind: 'finding' }) | (New<Visited> & { kind: 'visit' }) | Shot): Promise<Item> {
    const made = { at: this.time(), ...item, id: this.deps.randomId(), held: false } as Item
    box.items.push(made)
    await this.boxes.save(box)
    this.send()
    return made
  }

  private keep(point: Point): void {
    const box = this.current()
    if (!box) return
    let batch = box.batches[box.batches.length - 1]
    if (batch?.open && (this.boxes.points(batch.id).length >= BATCH_POINTS || point[0] - batch.beganMs > BATCH_MS || point[6])) this.close(box)
    if (!batch?.open) batch = this.openBatch(box, point[0])
    void this.boxes.append(box, batch, point)
    this.deps.changed()
  }

  private openBatch(box: Box, beganMs: number): Batch {
    const seq = Math.max(-1, ...box.batches.map((batch) => batch.seq)) + 1
    const batch: Batch = { id: this.deps.randomId(), seq, open: true, held: false, beganMs, battery: this.deps.battery() }
    box.batches.push(batch)
    void this.boxes.save(box) // its name is on disk before its first point
    return batch
  }

  private close(box: Box): void {
    const batch = box.batches[box.batches.length - 1]
    if (!batch?.open) return
    batch.open = false
    void this.boxes.save(box)
    this.send()
  }

  private send(): void {
    this.deps.changed()
    void this.queue.flush()
  }

  private time(): string {
    return new Date(this.deps.now()).toISOString()
  }
}
