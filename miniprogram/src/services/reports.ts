// Reports as their reporters follow them: by account, or by the receipt code alone.
import * as platform from '../platform/index'
import { signedIn } from './auth'
import { send, type Result } from './http'
import type { Photo } from './photos'
import { upload } from './photos'

export type Report = Result<'/api/v1/receipt', 'get'>
export type Follow = { code: string } | { id: string }

const header = (code: string) => ({ 'Receipt-Code': code })

export async function read(follow: Follow): Promise<Report> {
  if ('code' in follow) return send('get', '/api/v1/receipt', { anonymous: true, headers: header(follow.code) })
  await signedIn()
  return send('get', '/api/v1/reports/{report_id}', { path: { report_id: follow.id } })
}

export async function mine(before?: string): Promise<Result<'/api/v1/reports', 'get'>> {
  await signedIn()
  return send('get', '/api/v1/reports', { query: { before, limit: 20 } })
}

export async function supplement(follow: Follow, text: string, photos: Photo[], key: string): Promise<Report> {
  const refs = await Promise.all(photos.map(async (photo) => (await upload(photo, 'report', () => undefined)).ref))
  const taken = refs.flatMap((ref) => (ref ? [ref] : []))
  const body = { text, ...(taken.length ? { photos: taken } : {}) }
  if ('code' in follow) return send('post', '/api/v1/receipt/supplements', { anonymous: true, headers: header(follow.code), body: body as never, key })
  return send('post', '/api/v1/reports/{report_id}/supplements', { path: { report_id: follow.id }, body: body as never, key })
}

export async function rate(follow: Follow, stars: number, text: string): Promise<Report> {
  const body = { stars, text }
  if ('code' in follow) return send('put', '/api/v1/receipt/rating', { anonymous: true, headers: header(follow.code), body })
  return send('put', '/api/v1/reports/{report_id}/rating', { path: { report_id: follow.id }, body })
}

export async function act(follow: Follow, action: 'dispute' | 'appeal', reason: string): Promise<Report> {
  const [body, key] = [{ reason }, platform.randomId()]
  if ('code' in follow) return send('post', '/api/v1/receipt/{action}', { anonymous: true, headers: header(follow.code), path: { action }, body, key })
  return send('post', '/api/v1/reports/{report_id}/{action}', { path: { report_id: follow.id, action }, body, key })
}

const TONES: Record<string, string> = { closed: 'good', archived: 'good', rejected: 'danger', submitted: '', triage: 'warn' }

/** The colour of a state's tag: good, warn, danger or plain. */
export function toneOf(state: string): string {
  return TONES[state] ?? ''
}
