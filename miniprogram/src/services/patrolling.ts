// The patrol that this phone is on, and those it has not sent yet: boxes, queue and walk put together with the real
// disk, clock, network and location.
import * as platform from '../platform/index'
import { hasLeft, signedIn } from './auth'
import { Boxes, PHOTO_PREFIX, waitingIn, type Box, type Counts, type Item, type Point, type Start } from './boxes'
import { draftPhotos } from './finding'
import { reachesNamed } from './ground'
import { Problem, send } from './http'
import { take, upload, type Photo } from './photos'
import { Queue, type Answer, type Net } from './queue'
import { Meter, type Figures } from './track'
import { Walk } from './walk'

const TICK_MS = 10_000
type Listener = () => void
const listeners = new Set<Listener>()
const changed = () => listeners.forEach((listener) => listener())

const net: Net = {
  put: (patrol, under, body, grant) =>
    // One shape of address for all: what each takes is the queue's business, the server checks it.
    send('put', `/api/v1/patrols/${patrol}${under}` as '/api/v1/patrols/{patrol_id}', {
      body: body as never,
      ...by(grant),
    }) as Promise<Answer>,
  held: (patrol, grant) => send('get', `/api/v1/patrols/${patrol}/held` as '/api/v1/patrols/{patrol_id}/held', by(grant)) as Promise<Answer>,
  async upload(photo, onProgress) {
    if (await platform.fileThere(photo.file)) return upload(photo, 'patrol', onProgress)
    throw new Problem(410, 'photo_gone', '这张照片在手机里找不到了，可能被清理了。', { photo: photo.id })
  },
  async signIn() {
    if (hasLeft()) throw new Problem(0, 'signed_out', '您已退出登录。到“我的”里登录后，没发完的会接着发。')
    return (await signedIn()).name
  },
}

/** The grant alone where there is one: a dead sign-in beside it would be one more thing to go wrong. */
function by(grant: string | undefined): { anonymous?: boolean; headers?: Record<string, string> } {
  return grant ? { anonymous: true, headers: { 'Patrol-Grant': grant } } : {}
}

const boxes = new Boxes(platform.disk)
const queue = new Queue(
  boxes,
  net,
  {
    now: () => Date.now(),
    after: (ms, body) => {
      const timer = setTimeout(body, ms)
      return () => clearTimeout(timer)
    },
    random: Math.random,
  },
  changed,
)
const walk = new Walk(boxes, queue, { now: () => Date.now(), battery: platform.battery, randomId: platform.randomId, changed })

export type Following = 'background' | 'foreground' | 'off'
let following: Following = 'off'
let stopHearing: (() => void) | undefined
let tick: ReturnType<typeof setInterval> | undefined
let meter: { box: string; meter: Meter } | undefined

let opening: Promise<void> | undefined

/** Read what is kept, once; every page that shows a patrol waits for it. */
export function ready(): Promise<void> {
  opening ??= boxes.open(draftPhotos())
  return opening
}

/** At the start of the app, and whenever there is signal again. */
export async function flushPatrols(signal = false): Promise<void> {
  await ready()
  await (signal ? queue.wake() : queue.flush())
}

export function onPatrol(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const current = (): Box | undefined => walk.current()
export const kept = (): Box[] => boxes.all()
export const box = (id: string): Box | undefined => boxes.get(id)
export const counts = (one: Box): Counts => waitingIn(one, boxes)
export const mode = (): Following => following
export const storageFull = (): boolean => boxes.full
export const sending = (): boolean => queue.sending
export const wayWords = (): string => queue.words
export const trackOf = (one: Box): Point[] => boxes.track(one)
export const retry = (): Promise<void> => queue.retry()

/** All that this phone has not sent yet. */
export function unsent(): { patrols: number; total: number; stuck: number } {
  const of = boxes.all().map(counts).filter((one) => one.total > 0)
  return { patrols: of.length, total: of.reduce((sum, one) => sum + one.total, 0), stuck: of.reduce((sum, one) => sum + one.stuck, 0) }
}

/** The figures of a patrol on this phone, as far as its points are here. */
export function figures(one: Box): Figures {
  return meterOf(one).figures(one, Date.now())
}

function meterOf(one: Box): Meter {
  if (meter?.box !== one.id) {
    const made = new Meter(reachesNamed(one.start.reaches))
    for (const point of boxes.track(one)) made.add(point)
    meter = { box: one.id, meter: made }
  }
  return meter.meter
}

/** Where the phone was last on this patrol; WGS-84. */
export function lastPlace(one: Box): { longitude: number; latitude: number; accuracy: number | null; at: number } | undefined {
  const point = boxes.track(one).slice(-1)[0]
  return point && { longitude: point[1], latitude: point[2], accuracy: point[3], at: point[0] }
}

/**
 * Have the phone tell its place: with the screen off too if its owner allows it, else while the page is open.
 * Rejects with Refused when neither is allowed.
 */
export async function follow(background = true): Promise<Following> {
  following = await ask(background)
  stopHearing?.()
  stopHearing = platform.onPlace(heard)
  if (tick !== undefined) clearInterval(tick)
  tick = setInterval(() => {
    if (walk.silent()) void ask(following === 'background').catch(() => undefined) // the page shows that no place comes
    changed()
  }, TICK_MS)
  platform.keepScreenOn(following === 'foreground')
  return following
}

async function ask(background: boolean): Promise<Following> {
  if (background) {
    try {
      await platform.followPlace(true)
      return 'background'
    } catch (error) {
      if (!(error instanceof platform.Refused) || error.reason === 'privacy') throw error
    }
  }
  await platform.followPlace(false)
  return 'foreground'
}

async function unfollow(): Promise<void> {
  stopHearing?.()
  stopHearing = undefined
  if (tick !== undefined) clearInterval(tick)
  following = 'off'
  platform.keepScreenOn(false)
  await platform.stopFollowing()
}

function heard(fix: platform.Fix): void {
  const one = walk.current()
  if (!one) return
  const meter = meterOf(one)
  const before = boxes.track(one).length
  walk.heard(fix)
  boxes.track(one).slice(before).forEach((point) => meter.add(point))
}

export async function begin(start: Omit<Start, 'started_at'>, owner: string, names: Record<string, string>): Promise<Box> {
  await ready()
  const made = await walk.begin(start, owner, names)
  platform.onceAway(away)
  return made
}

export async function pause(): Promise<void> {
  await walk.pause()
  await unfollow()
}

/** Go on after a pause or after the app was killed; rejects with Refused when the phone may not tell its place. */
export async function resume(): Promise<void> {
  await follow()
  await walk.resume()
  platform.onceAway(away)
}

/** End a patrol; one that was cut off ends at its last point. */
export async function finish(one: Box, cutOff = false): Promise<void> {
  const last = lastPlace(one)
  await walk.finish(one, cutOff ? (last?.at ?? new Date(one.start.started_at).getTime()) : undefined)
  if (following !== 'off') await unfollow()
}

function away(hidden: boolean): void {
  if (!hidden) walk.returned()
}

/** Take photos with the app's own time and place; they are on disk at once. */
export async function takePhotos(one: Box, count: number): Promise<Photo[]> {
  const last = lastPlace(one)
  return take(count, last && { longitude: last.longitude, latitude: last.latitude }, true, PHOTO_PREFIX)
}

export const shoot = (one: Box, photo: Photo): Promise<Item> => walk.shoot(one, photo)
export const find = walk.find.bind(walk)
export const visit = walk.visit.bind(walk)
export const discard = (one: Box, item: Item): Promise<void> => walk.discard(one, item)
export const giveUp = (one: Box): Promise<void> => walk.giveUp(one)

export const replacePhoto = walk.replacePhoto.bind(walk)
