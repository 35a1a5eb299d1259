// Sends what the boxes keep. The server takes every message in any order and any number of times, and each of its
// answers names what it holds: only that is forgotten. Within a patrol the start goes first (it brings the grant that
// outlives the sign-in), then what was seen in the order in which it was seen, then the end.
import type { Photo } from './photos'
import { photosOfItem, waitingIn, type Batch, type Box, type Boxes, type Item } from './boxes'
import { Problem, unreachable } from './http'

export interface Held {
  started: boolean
  finished: boolean
  batches: string[]
  photos: string[]
  findings: string[]
  checkpoints: string[]
}

export interface Answer {
  held: Held
  grant?: string | null
  number?: string | null
  reached?: boolean
  why_not?: string | null
  /** Which board a scanned code was of. */
  checkpoint?: string | null
  name?: string | null
}

/** The server, as the queue needs it. All reject with what services/http throws. */
export interface Net {
  /** PUT under /patrols/{patrol}; by the grant, without one by the sign-in. */
  put(patrol: string, under: string, body: unknown, grant: string | undefined): Promise<Answer>
  held(patrol: string, grant: string | undefined): Promise<Answer>
  upload(photo: Photo, onProgress: (percent: number) => void): Promise<Photo>
  /** Sign in, anew when there is no session. Resolves with the name of whoever it is. */
  signIn(): Promise<string>
}

export interface Clock {
  now(): number
  /** Call back after so many milliseconds; returns how to call it off. */
  after(ms: number, body: () => void): () => void
  random(): number
}

const FIRST_WAIT_MS = 2000
const LONGEST_WAIT_MS = 300_000
/** So many faults of the server in one run, and it is left alone for a while. */
const FAULTS_A_RUN = 3
const LOST_PHOTO = new Set(['unknown_photo', 'photo_not_uploaded', 'photo_used'])

/** The server has to be left alone: no answer, too many requests, or one fault after the other. */
class Later extends Error {
  constructor(
    readonly problem: Problem,
    readonly waitMs?: number,
  ) {
    super(problem.code)
  }
}

export class Queue {
  /** What went wrong the last time with the way to the server, in words; empty when it went well. */
  words = ''
  sending = false
  private running: Promise<void> | undefined
  private again = false
  private fails = 0
  private faults = 0
  private lastFault = ''
  private earliestMs = 0
  private callOff: (() => void) | undefined

  constructor(
    private readonly boxes: Boxes,
    private readonly net: Net,
    private readonly clock: Clock,
    private readonly changed: () => void = () => undefined,
  ) {}

  /** Send what can be sent. Parallel callers share one run; `atOnce`: the user or a new signal asks, do not wait. */
  flush(atOnce = false): Promise<void> {
    if (atOnce) this.earliestMs = 0
    if (this.running) {
      this.again = true
      return this.running
    }
    if (this.clock.now() < this.earliestMs) return Promise.resolve()
    this.running = this.run().finally(() => {
      this.running = undefined
    })
    return this.running
  }

  /** The signal is back, or the user asks: what went wrong before says nothing any more. */
  wake(): Promise<void> {
    this.fails = 0
    return this.flush(true)
  }

  /** When the next attempt is due, ms by the phone's clock; 0 when none is waited for. */
  get nextMs(): number {
    return this.earliestMs
  }

  /** Try once more what was refused for good: the chief, or the office, has perhaps mended it. */
  retry(): Promise<void> {
    for (const box of this.boxes.all()) {
      for (const one of [box, ...box.batches, ...box.items]) {
        one.final = false
        one.words = ''
      }
    }
    return this.wake()
  }

  private async run(): Promise<void> {
    this.sending = true
    this.callOff?.()
    try {
      do {
        this.again = false
        this.faults = 0
        this.lastFault = ''
        for (const box of this.boxes.all()) await this.deliver(box)
      } while (this.again)
      this.words = this.lastFault
      this.earliestMs = 0
      // What met a single fault of the server and was passed over is tried again, ever more rarely.
      if (this.boxes.all().some((box) => this.sendable(box))) this.later()
      else this.fails = 0
    } catch (error) {
      if (!(error instanceof Later)) throw error
      this.words = error.problem.title
      this.later(error.waitMs)
    } finally {
      this.sending = false
      this.changed()
    }
  }

  private later(waitMs?: number): void {
    if (!this.boxes.all().some((box) => this.sendable(box))) return
    const doubled = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.fails)
    this.fails += 1
    // Phones that lost their signal in one valley must not all come back in one second.
    const wait = Math.max(waitMs ?? 0, doubled * (0.75 + this.clock.random() / 2))
    this.earliestMs = this.clock.now() + wait
    this.callOff = this.clock.after(wait, () => void this.flush(true))
  }

  private sendable(box: Box): boolean {
    if (box.final) return false
    const waits = (one: Batch | Item) => !one.held && !one.final
    const ending = box.phase === 'ended' && !box.finished
    return !box.started || ending || box.items.some(waits) || box.batches.some((batch) => waits(batch) && !batch.open)
  }

  private async deliver(box: Box): Promise<void> {
    if (!this.sendable(box)) return this.tidy(box)
    if ((!box.started || !box.grant) && !(await this.begin(box))) return
    const tried = new Set<Batch | Item>()
    for (;;) {
      // Asked anew each time: more comes in while this is sent, and the end goes last.
      const one = this.inOrder(box).find((next) => !next.held && !next.final && !tried.has(next))
      if (!one || box.final) break
      tried.add(one)
      await this.attempt(box, one, () => this.send(box, one))
    }
    if (box.phase === 'ended' && !box.finished && !box.final) await this.attempt(box, box, () => this.end(box))
    await this.tidy(box)
  }

  /** Send the start; true when the rest can follow. */
  private async begin(box: Box): Promise<boolean> {
    return this.attempt(box, box, async () => {
      const name = await this.net.signIn()
      if (name !== box.owner) throw new Problem(403, 'other_person', `这次巡河是${box.owner}的，请用${box.owner}的身份登录后再发。`)
      const answer = await this.net.put(box.id, '', { ...box.start, sent_at: this.sentAt() }, undefined)
      if (answer.grant) box.grant = answer.grant
      await this.note(box, answer.held)
    })
  }

  private inOrder(box: Box): (Batch | Item)[] {
    const closed = box.batches.filter((batch) => !batch.open)
    const at = (one: Batch | Item) => ('kind' in one ? new Date(one.at).getTime() : one.beganMs)
    return [...closed, ...box.items].sort((a, b) => at(a) - at(b))
  }

  private async send(box: Box, one: Batch | Item): Promise<void> {
    if (!('kind' in one)) return this.sendBatch(box, one)
    for (const photo of photosOfItem(one)) await this.upload(box, photo)
    if (one.kind === 'shot') {
      const [photo] = one.photos
      await this.note(box, (await this.put(box, `/photos/${one.id}`, { photo: photo?.ref })).held)
    } else if (one.kind === 'visit') {
      const { checkpoint, token, at, place } = one
      const where = place ? { lon: place.longitude, lat: place.latitude, accuracy_m: place.accuracy } : {}
      const answer = await this.put(box, `/checkpoints/${one.id}`, { ...(token ? { token } : { checkpoint }), at, coord_type: 'wgs84', ...where })
      Object.assign(one, { reached: answer.reached, whyNot: answer.why_not })
      if (token && answer.checkpoint) Object.assign(one, { checkpoint: answer.checkpoint, name: answer.name ?? one.name })
      await this.note(box, answer.held)
    } else {
      const refs = (photos: Photo[]) => photos.map((photo) => photo.ref)
      const { category, at, text, place, settled } = one
      const answer = await this.put(box, `/findings/${one.id}`, {
        category,
        text,
        lon: place.longitude,
        lat: place.latitude,
        accuracy_m: place.accuracy,
        coord_type: 'wgs84',
        observed_at: at,
        photos: refs(one.photos),
        practice: box.start.practice,
        ...(settled ? { settled: { photos: refs(settled.photos), done: settled.done } } : {}),
      })
      one.number = answer.number ?? null
      await this.note(box, answer.held)
    }
  }

  private async sendBatch(box: Box, batch: Batch): Promise<void> {
    const points = this.boxes.points(batch.id)
    const answer = await this.put(box, `/batches/${batch.id}`, {
      seq: batch.seq,
      coord_type: 'wgs84',
      time_ms: points.map((point) => point[0]),
      lon: points.map((point) => point[1]),
      lat: points.map((point) => point[2]),
      accuracy_m: points.map((point) => point[3]),
      speed_mps: points.map((point) => point[4]),
      altitude_m: points.map((point) => point[5]),
      resumed: points.flatMap((point, index) => (point[6] ? [index] : [])),
      battery: batch.battery,
      sent_at: this.sentAt(),
    })
    await this.note(box, answer.held)
  }

  private async end(box: Box): Promise<void> {
    const batches = box.batches.map((batch) => batch.id)
    await this.note(box, (await this.put(box, '/finish', { ended_at: box.endedAt, sent_at: this.sentAt(), batches })).held)
  }

  private put(box: Box, under: string, body: object): Promise<Answer> {
    return this.net.put(box.id, under, body, box.grant)
  }

  /** By the phone's own clock, at the very moment of sending: the server puts that clock right by it. */
  private sentAt(): string {
    return new Date(this.clock.now()).toISOString()
  }

  private async upload(box: Box, photo: Photo): Promise<void> {
    if (photo.state === 'uploaded') return
    photo.state = 'uploading'
    try {
      Object.assign(photo, await this.net.upload(photo, (percent) => this.progress(photo, percent)))
    } finally {
      if (photo.state === 'uploading') photo.state = 'waiting'
    }
    await this.boxes.save(box)
  }

  private progress(photo: Photo, percent: number): void {
    photo.percent = percent
    this.changed()
  }

  /** Do one thing for a patrol. True when it went well; throws Later when nothing more should be tried now. */
  private async attempt(box: Box, one: Box | Batch | Item, body: () => Promise<void>, mended = false): Promise<boolean> {
    try {
      await body()
      one.words = ''
      this.changed()
      return true
    } catch (error) {
      const problem = unreachable(error)
      one.words = problem.title
      if (problem.status === 0) throw new Later(problem)
      if (problem.status === 429) throw new Later(problem, 1000 * Number(problem.extra['retry_after'] ?? 0))
      if (problem.status >= 500 || problem.status === 408) {
        // One message that the server cannot digest must not keep the others; a server that is down is left alone.
        this.faults += 1
        this.lastFault = problem.title
        if (this.faults >= FAULTS_A_RUN) throw new Later(problem)
        return false
      }
      if (!mended && (await this.mend(box, one, problem))) return 'held' in one && one.held ? true : this.attempt(box, one, body, true)
      one.final = true
      await this.boxes.save(box)
      this.changed()
      return false
    }
  }

  /** Put right what can be put right without the chief; true when it is worth sending once more. */
  private async mend(box: Box, one: Box | Batch | Item, problem: Problem): Promise<boolean> {
    if (problem.status === 401) {
      if (!box.grant) return true // the dead session is forgotten; the next attempt signs in anew
      box.grant = undefined // the server no longer knows it: the start, sent again, brings a new one
      return one === box && !box.started ? true : this.begin(box)
    }
    const photos = 'kind' in one ? photosOfItem(one) : []
    const named = photos.find((photo) => [photo.ref?.id, photo.id].includes(problem.extra['photo'] as string))
    if (LOST_PHOTO.has(problem.code) && photos.length) {
      // Uploaded days ago and cleared away since, or never quite there: the files are still here, so once more. All of
      // them: the server names one at a time, and they went up together.
      for (const photo of photos) Object.assign(photo, { state: 'waiting', percent: 0, ref: undefined })
      return true
    }
    if (['photo_refused', 'photo_gone'].includes(problem.code) && named) {
      named.state = 'refused'
      named.words = problem.title
    }
    if (problem.status !== 409) return false
    // The same id, held with other content: the server has it, and says so.
    return (await this.attempt(box, { ...one }, async () => this.note(box, (await this.net.held(box.id, box.grant)).held), true)) && 'held' in one && one.held
  }

  /** Forget what the server says that it holds. */
  private async note(box: Box, held: Held): Promise<void> {
    const has = new Set([...held.batches, ...held.photos, ...held.findings, ...held.checkpoints])
    const gone: Photo[] = []
    for (const one of [...box.batches, ...box.items]) {
      if (one.held || !has.has(one.id)) continue
      one.held = true
      one.words = ''
      if ('kind' in one) gone.push(...photosOfItem(one))
    }
    box.started = held.started
    box.finished = held.finished
    await this.boxes.save(box) // first it is written down, then the file goes
    for (const photo of gone) await this.boxes.dropPhoto(photo)
  }

  private async tidy(box: Box): Promise<void> {
    if (box.phase === 'ended' && waitingIn(box, this.boxes).total === 0) {
      await this.boxes.remove(box)
      this.changed()
    }
  }
}
