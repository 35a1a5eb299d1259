// The finding that is being written, kept at every change: a call or a dead battery loses nothing.
import * as platform from '../platform/index'
import type { Photo } from './photos'

export interface FindingDraft {
  box: string
  category: string
  text: string
  photos: Photo[]
  settled: boolean
  after: Photo[]
  done: string
}

const KEY = 'finding'

/** What was begun on this patrol, or an empty one. */
export function findingDraft(box: string): FindingDraft {
  const kept = platform.read<FindingDraft>(KEY)
  return kept?.box === box ? kept : { box, category: '', text: '', photos: [], settled: false, after: [], done: '' }
}

export function keepFinding(draft: FindingDraft): void {
  platform.write(KEY, draft)
}

export function forgetFinding(): void {
  platform.forget(KEY)
}

/** The photos of the draft: they belong to no patrol yet, and must not be cleared away. */
export function draftPhotos(): Photo[] {
  const kept = platform.read<FindingDraft>(KEY)
  return kept ? [...kept.photos, ...kept.after] : []
}
