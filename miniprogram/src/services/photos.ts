// Photos: taken, kept on the phone until the server has them, uploaded by a form of object storage, and looked at.
import * as platform from '../platform/index'
import { problemOf, send, unreachable } from './http'

/** A photo on its way. `file` outlives the app; `ref` is what a form names once it is uploaded. */
export interface Photo {
  id: string
  file: string
  takenAt: string
  place?: { longitude: number; latitude: number }
  state: 'waiting' | 'uploading' | 'uploaded' | 'refused'
  percent: number
  words?: string
  ref?: { id: string; claim: string }
}

/** report: without signing in and without a place. work: as the official. patrol: by nobody's sign-in, with the place. */
export type Purpose = 'report' | 'work' | 'patrol'

/** Take or choose up to `count` photos. They are copied at once to where the system does not clear them away. */
export async function take(count: number, place?: Photo['place'], cameraOnly = false, prefix = 'photo'): Promise<Photo[]> {
  const picked = await platform.pickPhotos(count, cameraOnly)
  const takenAt = new Date().toISOString()
  return Promise.all(
    picked.map(async ({ path }) => {
      const id = platform.randomId()
      const file = await platform.keepFile(path, `${prefix}-${id}.jpg`)
      return { id, file, takenAt, ...(place ? { place } : {}), state: 'waiting' as const, percent: 0 }
    }),
  )
}

/**
 * Upload one photo; resolves with it uploaded. Repeating it asks for a new form and does no harm.
 * An anonymous reporter's photo is asked for without signing in and without the phone's place.
 */
export async function upload(photo: Photo, purpose: Purpose, onProgress: (percent: number) => void): Promise<Photo> {
  if (photo.state === 'uploaded') return photo
  const anonymous = purpose !== 'work'
  const claimed = purpose !== 'report' && photo.place ? { claimed_lon: photo.place.longitude, claimed_lat: photo.place.latitude, coord_type: 'wgs84' as const } : {}
  const form = await send('post', '/api/v1/photos', {
    anonymous,
    body: { content_type: 'image/jpeg', claimed_at: photo.takenAt, ...claimed },
    key: platform.randomId(),
  })
  const answer = await platform
    .uploadFile({ url: form.url, path: photo.file, fields: form.fields, onProgress })
    .catch((error: unknown) => {
      throw unreachable(error)
    })
  if (answer.status >= 300) throw problemOf({ ...answer, body: { title: `照片没有传上去（${answer.status}），请再试一次。` } })
  await send('post', '/api/v1/photos/{photo_id}/uploaded', {
    anonymous,
    path: { photo_id: form.id },
    body: { claim: form.claim },
  })
  return { ...photo, state: 'uploaded', percent: 100, ref: { id: form.id, claim: form.claim } }
}

export interface Verdict {
  state: string
  words: string
}

/** Whether the server's look at an uploaded photo is over, and what came of it. */
export async function looked(ref: { id: string; claim: string }): Promise<Verdict> {
  const seen = await send('get', '/api/v1/photos/{photo_id}', {
    anonymous: true,
    path: { photo_id: ref.id },
    headers: { 'Photo-Claim': ref.claim },
  })
  return { state: seen.state, words: seen.title ?? '' }
}

const LOOKS = 20
const BETWEEN_LOOKS_MS = 700

/** Wait until the server has looked at a photo: evidence counts only then. Throws what was wrong with it. */
export async function sound(photo: Photo): Promise<void> {
  if (!photo.ref) throw new Error('not uploaded')
  for (let n = 0; n < LOOKS; n++) {
    const { state, words } = await looked(photo.ref)
    if (state === 'sound') return
    if (state === 'refused') throw problemOf({ status: 422, body: { code: 'photo_refused', title: words }, headers: {} })
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS))
  }
  throw problemOf({ status: 503, body: { code: 'photo_not_ready', title: '照片还在检查中，请过几秒再提交。' }, headers: {} })
}

export function drop(photo: Photo): void {
  platform.dropFile(photo.file)
}
