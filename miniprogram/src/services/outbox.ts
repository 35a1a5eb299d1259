// Reports that are written and not yet with the server. Each is kept whole on the phone, sent in order, and removed only
// when the server has answered with its number. Sending again is harmless: every report has one key for all attempts.
import * as platform from '../platform/index'
import { signedIn } from './auth'
import { send, unreachable, type Body, type Result } from './http'
import { drop, upload, type Photo } from './photos'

type ReportBody = Body<'/api/v1/reports', 'post'>
export type Receipt = Result<'/api/v1/reports', 'post'>

export interface Waiting {
  key: string
  body: Omit<ReportBody, 'photos'>
  photos: Photo[]
  writtenAt: string
  /** What went wrong the last time, in words; a `final` fault has to be mended by the reporter. */
  words: string
  final: boolean
}

const KEY = 'outbox'
const SENT = 'sent'
const SENT_KEPT = 20
type Listener = () => void
const listeners = new Set<Listener>()
let sending: Promise<void> | undefined

export function waiting(): Waiting[] {
  return platform.read<Waiting[]>(KEY) ?? []
}

/** The receipts that this phone got, newest first: an anonymous reporter has nothing else. */
export function receipts(): Receipt[] {
  return platform.read<Receipt[]>(SENT) ?? []
}

export function forgetReceipts(): void {
  platform.forget(SENT)
  tell()
}

export function onOutbox(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function add(body: Waiting['body'], photos: Photo[], key = platform.randomId()): Waiting {
  const entry: Waiting = { key, body, photos, writtenAt: new Date().toISOString(), words: '', final: false }
  save([...waiting().filter((other) => other.key !== key), entry])
  return entry
}

/** Take a report out; its photos go too, unless they move on to somewhere else. */
export function remove(key: string, withPhotos = true): void {
  const gone = waiting().find((entry) => entry.key === key)
  if (withPhotos) gone?.photos.forEach(drop)
  save(waiting().filter((entry) => entry.key !== key))
}

/** Send what waits. Parallel callers share one run; a fault is kept with its report, in words. */
export function flush(): Promise<void> {
  sending ??= run().finally(() => {
    sending = undefined
  })
  return sending
}

async function run(): Promise<void> {
  for (const entry of waiting()) {
    if (entry.final) continue
    try {
      await deliver(entry)
    } catch (error) {
      const problem = unreachable(error)
      update(entry.key, { words: problem.title, final: !problem.passing && problem.status !== 401 })
      if (problem.status === 0) return // no signal: the others would fare alike
    }
  }
}

async function deliver(entry: Waiting): Promise<void> {
  const photos: Photo[] = []
  for (const [index, photo] of entry.photos.entries()) {
    const done = await upload(photo, 'report', (percent) => progress(entry.key, index, percent))
    photos.push(done)
    update(entry.key, { photos: [...photos, ...entry.photos.slice(index + 1)] })
  }
  const anonymous = entry.body.privacy === 'anonymous'
  if (!anonymous) await signedIn()
  const refs = photos.flatMap((photo) => (photo.ref ? [photo.ref] : []))
  const receipt = await send('post', '/api/v1/reports', { body: { ...entry.body, photos: refs } as ReportBody, key: entry.key, anonymous })
  platform.write(SENT, [receipt, ...receipts().filter((other) => other.id !== receipt.id)].slice(0, SENT_KEPT))
  remove(entry.key)
}

function progress(key: string, index: number, percent: number): void {
  const entry = waiting().find((one) => one.key === key)
  if (!entry) return
  update(key, { photos: entry.photos.map((photo, n) => (n === index ? { ...photo, percent } : photo)) })
}

function update(key: string, change: Partial<Waiting>): void {
  save(waiting().map((entry) => (entry.key === key ? { ...entry, ...change } : entry)))
}

function save(entries: Waiting[]): void {
  platform.write(KEY, entries)
  tell()
}

function tell(): void {
  for (const listener of listeners) listener()
}
