// A phone that can be killed at any step and a server behind a bad network, for the tests of boxes, queue and walk.
import { Boxes, type Disk } from '../../src/services/boxes'
import { Problem } from '../../src/services/http'
import type { Photo } from '../../src/services/photos'
import { Refused } from '../../src/platform/index'
import { Queue, type Answer, type Clock, type Net } from '../../src/services/queue'
import { Walk } from '../../src/services/walk'

const never = () => new Promise<never>(() => undefined)

/** Files in memory. With `diesAt`, the write of that number is torn in its middle and nothing happens after it. */
export class MemoryDisk implements Disk {
  files = new Map<string, string>()
  steps = 0
  diesAt = Infinity
  full = false
  dead = false
  private die!: () => void
  readonly death = new Promise<void>((resolve) => (this.die = resolve))

  private step(tear: () => void): boolean {
    if (this.dead) return false
    this.steps += 1
    if (this.steps < this.diesAt) return true
    tear()
    this.dead = true
    this.die()
    return false
  }
  async list() {
    return this.dead ? never() : [...this.files.keys()]
  }
  async read(name: string) {
    return this.dead ? never() : this.files.get(name)
  }
  async write(name: string, text: string) {
    if (this.full && !this.dead) throw new Refused('full', 'writeFile:fail storage limit')
    if (!this.step(() => this.files.set(name, text.slice(0, text.length / 2)))) return never()
    this.files.set(name, text)
  }
  async append(name: string, text: string) {
    if (this.full && !this.dead) throw new Refused('full', 'appendFile:fail storage limit')
    const before = this.files.get(name) ?? ''
    if (!this.step(() => this.files.set(name, before + text.slice(0, text.length / 2)))) return never()
    this.files.set(name, before + text)
  }
  async drop(name: string) {
    if (!this.step(() => undefined)) return never()
    this.files.delete(name)
  }
}

/** What a request meets: the server's answer, its loss, no network, or a status instead of the server. */
export type Fate = 'ok' | 'lost' | 'offline' | 'timeout' | number

export class Server {
  patrols = new Map<string, { start?: Record<string, unknown>; finish?: Record<string, unknown>; held: Answer['held'] }>()
  points: number[] = []
  contents = new Map<string, string>()
  requests: string[] = []
  photos = new Map<string, { claim: string; used: boolean }>()
  grants = new Map<string, string>()
  sessions = new Set(['session-1'])
  fates: Fate[] = []
  /** Path ending → status that it always meets. */
  always = new Map<string, Problem>()
  private count = 0

  constructor(private readonly disk: () => MemoryDisk) {}

  /** What the phone's network makes of one request. */
  async through<T>(path: string, body: () => T): Promise<T> {
    await Promise.resolve()
    if (this.disk().dead) return never()
    this.requests.push(path)
    const fate = this.fates.shift() ?? 'ok'
    if (fate === 'offline') throw new Refused('offline', 'request:fail network')
    if (fate === 'timeout') throw new Refused('timeout', 'request:fail timeout')
    if (typeof fate === 'number') throw new Problem(fate, 'error', `故障 ${fate}`, fate === 429 ? { retry_after: 7 } : {})
    const stubborn = [...this.always].find(([ending]) => path.endsWith(ending))
    if (stubborn) throw stubborn[1]
    const answer = body()
    if (fate === 'lost') throw new Refused('timeout', 'request:fail timeout')
    return answer
  }

  of(id: string) {
    const found = this.patrols.get(id) ?? { held: { started: false, finished: false, batches: [], photos: [], findings: [], checkpoints: [] } }
    this.patrols.set(id, found)
    return found
  }

  put(id: string, under: string, body: Record<string, unknown>): Answer {
    const patrol = this.of(id)
    const [, kind, own = ''] = under.split('/')
    if (!kind) {
      patrol.start ??= body
      patrol.held.started = true
      const grant = `grant-${++this.count}`
      this.grants.set(grant, id)
      return { held: structuredClone(patrol.held), grant }
    }
    if (kind === 'finish') {
      patrol.finish ??= body
      patrol.held.finished = true
    } else if (kind === 'batches') {
      const { sent_at: _, ...content } = body
      const before = this.contents.get(own)
      if (before !== undefined && before !== JSON.stringify(content)) throw new Problem(409, 'batch_differs', '内容不一样')
      if (before === undefined) {
        this.contents.set(own, JSON.stringify(content))
        this.points.push(...(body['time_ms'] as number[]))
        patrol.held.batches.push(own)
      }
    } else {
      const list = patrol.held[kind as 'photos' | 'findings' | 'checkpoints']
      if (!list.includes(own)) {
        const refs = [...((body['photos'] as { id: string }[] | undefined) ?? []), ...(kind === 'photos' ? [body['photo'] as { id: string }] : [])]
        for (const ref of refs) {
          const photo = this.photos.get(ref.id)
          if (!photo) throw new Problem(422, 'unknown_photo', '有照片已过期', { photo: ref.id })
          photo.used = true
        }
        list.push(own)
      }
    }
    return { held: structuredClone(patrol.held) }
  }

  upload(): { id: string; claim: string } {
    const made = { id: `photo-${++this.count}`, claim: 'claim' }
    this.photos.set(made.id, { claim: made.claim, used: false })
    return made
  }
}

/** The phone's clock, which tests move; what waits for a time runs when the clock has come there. */
export class FakeClock implements Clock {
  ms = Date.UTC(2026, 5, 1, 1)
  waiting: { at: number; body: () => void }[] = []
  now = () => this.ms
  random = () => 0.5
  after(ms: number, body: () => void) {
    const entry = { at: this.ms + ms, body }
    this.waiting.push(entry)
    return () => void (this.waiting = this.waiting.filter((one) => one !== entry))
  }
  move(ms: number) {
    this.ms += ms
    const due = this.waiting.filter((one) => one.at <= this.ms)
    this.waiting = this.waiting.filter((one) => one.at > this.ms)
    for (const one of due) one.body()
  }
}

/** A phone, its server and the app on it. `restart` is the app killed, or the phone out of battery, and opened again. */
export class World {
  clock = new FakeClock()
  disk = new MemoryDisk()
  server = new Server(() => this.disk)
  session: string | undefined = 'session-1'
  name = '李河长'
  ids = 0
  /** The patrol of which the app said that it had begun. */
  begun: string | undefined
  boxes!: Boxes
  queue!: Queue
  walk!: Walk

  async start(): Promise<this> {
    this.boxes = new Boxes(this.disk)
    await this.boxes.open()
    this.queue = new Queue(this.boxes, this.net(), this.clock)
    this.walk = new Walk(this.boxes, this.queue, { now: this.clock.now, battery: () => 80, randomId: () => this.id(), changed: () => undefined })
    return this
  }

  async restart(): Promise<this> {
    const files = new Map(this.disk.files)
    this.disk.dead = true
    this.disk = new MemoryDisk()
    this.disk.files = files
    this.clock.waiting = []
    return this.start()
  }

  id(): string {
    return `00000000-0000-4000-8000-${String(++this.ids).padStart(12, '0')}`
  }

  private net(): Net {
    const { server } = this
    const admitted = (grant: string | undefined) => {
      if (grant ? !server.grants.has(grant) : !this.session || !server.sessions.has(this.session)) {
        if (!grant) this.session = undefined
        throw new Problem(401, grant ? 'bad_grant' : 'unauthenticated', '请先登录。')
      }
    }
    return {
      put: (patrol, under, body, grant) =>
        server.through(`/${patrol}${under}`, () => {
          admitted(grant)
          return server.put(patrol, under, structuredClone(body) as Record<string, unknown>)
        }),
      held: (patrol, grant) =>
        server.through(`/${patrol}/held`, () => {
          admitted(grant)
          return { held: structuredClone(server.of(patrol).held) }
        }),
      upload: async (photo: Photo) => {
        const ref = await server.through('/photos', () => server.upload())
        return { ...photo, state: 'uploaded', percent: 100, ref }
      },
      signIn: async () => {
        if (!this.session) {
          this.session = `session-${++this.ids}`
          server.sessions.add(this.session)
        }
        return this.name
      },
    }
  }

  /** A photo that the camera gave, as a file. */
  photo(): Photo {
    const id = this.id()
    this.disk.files.set(`patrol-photo-${id}.jpg`, 'jpeg')
    return { id, file: `wxfile://usr/patrol-photo-${id}.jpg`, takenAt: new Date(this.clock.ms).toISOString(), state: 'waiting', percent: 0 }
  }

  begin() {
    return this.walk.begin({ role: 'village_chief', unit: 'v', reaches: ['R-1'], mode: 'walk', practice: false, companions: [] }, this.name, { 'R-1': '清水河' })
  }

  /** Steps of five seconds, eastwards at a walking pace. */
  go(steps: number): void {
    for (let n = 0; n < steps; n++) {
      this.clock.ms += 5000
      const gone = (this.clock.ms - Date.UTC(2026, 5, 1, 1)) / 1000
      this.walk.heard({ longitude: 102.9 + gone * 1.2e-5, latitude: 25.2, accuracy: 8, speed: 1.2, altitude: 1890 })
    }
  }

  /** The same, with the app working between the steps. */
  async stroll(steps: number): Promise<void> {
    for (let n = 0; n < steps; n += 2) {
      this.go(Math.min(2, steps - n))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Let everything that is under way come to its end, the waits of the queue included. */
  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 60; rounds++) {
      for (let n = 0; n < 50; n++) await new Promise((resolve) => setImmediate(resolve))
      if (!this.clock.waiting.length || this.disk.dead) return
      this.clock.move(400_000)
    }
    throw new Error('the queue never comes to rest')
  }
}
