// The report that is being written, kept at every change: a call, a dead battery or a wrong tap loses nothing.
import * as platform from '../platform/index'
import type { Photo } from './photos'

export type Privacy = 'named' | 'confidential' | 'anonymous'

export interface Draft {
  category: string
  text: string
  /** WGS-84; from the phone (`accuracy` metres) or set by hand on the map (no accuracy). */
  place?: { longitude: number; latitude: number; accuracy?: number; byHand: boolean }
  address: string
  photos: Photo[]
  privacy: Privacy
  contactName: string
  contactPhone: string
  accusesOfficials: boolean
}

const KEY = 'draft'
export const EMPTY: Draft = {
  category: '',
  text: '',
  address: '',
  photos: [],
  privacy: 'confidential',
  contactName: '',
  contactPhone: '',
  accusesOfficials: false,
}

export function readDraft(): Draft {
  return { ...EMPTY, ...platform.read<Draft>(KEY) }
}

export function keepDraft(draft: Draft): void {
  platform.write(KEY, draft)
}

export function forgetDraft(): void {
  platform.forget(KEY)
}

/** Whether there is anything in it that somebody would miss. */
export function started(draft: Draft): boolean {
  return Boolean(draft.text || draft.photos.length || draft.category)
}

interface Limits {
  minPhotos: number
  maxPhotos: number
}

/** What is still missing, as one sentence each, in the order of the form. */
export function missing(draft: Draft, { minPhotos, maxPhotos }: Limits): string[] {
  const words: string[] = []
  if (!draft.category) words.push('请先选是什么问题。')
  if (draft.photos.length < minPhotos) words.push(`这类问题至少要 ${minPhotos} 张照片。`)
  if (draft.photos.length > maxPhotos) words.push(`最多 ${maxPhotos} 张照片，请删掉几张。`)
  if (!draft.place) words.push('请标出问题在哪里。')
  if (!draft.text.trim()) words.push('请用一句话说说看到了什么。')
  if (draft.privacy === 'named' && !/^1[3-9]\d{9}$/.test(draft.contactPhone)) words.push('实名举报请留 11 位手机号，办理的人好联系您。')
  return words
}
