// What a chief owes, and the patrols walked; the duties are kept, so that the page opens without signal.
import * as platform from '../platform/index'
import { signedIn } from './auth'
import { send, type Result } from './http'

export type Duty = Result<'/api/v1/duties/mine', 'get'>['items'][number]
export type PatrolRow = Result<'/api/v1/patrols', 'get'>['items'][number]
export type Patrol = Result<'/api/v1/patrols/{patrol_id}', 'get'>

const KEY = 'duties'

export function knownDuties(): Duty[] | undefined {
  return platform.read<Duty[]>(KEY)
}

export async function askDuties(): Promise<Duty[]> {
  await signedIn()
  const { items } = await send('get', '/api/v1/duties/mine')
  platform.write(KEY, items)
  return items
}

/** One's own patrols, and those on which one walked along, newest first. */
export async function myPatrols(before?: string): Promise<Result<'/api/v1/patrols', 'get'>> {
  return send('get', '/api/v1/patrols', { query: { mine: true, before, limit: 10 } })
}

export async function readPatrol(id: string): Promise<Patrol> {
  await signedIn()
  return send('get', '/api/v1/patrols/{patrol_id}', { path: { patrol_id: id } })
}

interface Geo {
  features: { geometry: { type: string; coordinates: unknown } | null; properties: Record<string, unknown> }[]
}

export interface Line {
  points: { longitude: number; latitude: number }[]
}

/** The pieces of a patrol's line as the server draws it, WGS-84. */
export async function lineOf(id: string): Promise<Line[]> {
  const found = (await send('get', '/api/v1/patrols/{patrol_id}/track.geojson', { path: { patrol_id: id } })) as unknown as Geo
  return found.features.flatMap(({ geometry }) => {
    const at = (points: unknown) => ({ points: (points as [number, number][]).map(([longitude, latitude]) => ({ longitude, latitude })) })
    if (geometry?.type === 'LineString') return [at(geometry.coordinates)]
    return geometry?.type === 'MultiLineString' ? (geometry.coordinates as unknown[]).map(at) : []
  })
}

/** The tag of a patrol in a list: its words and its tone. */
export function standing(row: { phase: string; valid: boolean | null; practice: boolean }): { words: string; tone: string } {
  if (row.phase !== 'finished') return { words: row.phase === 'live' ? '巡河中' : '等待开始信息', tone: 'warn' }
  if (row.valid === null) return { words: '正在判定', tone: '' }
  return row.valid ? { words: '有效', tone: 'good' } : { words: '未达要求', tone: 'danger' }
}

const DAY_MS = 86_400_000

/** Days left of a duty's period, its last day counted; by China's calendar. */
export function daysLeft(last: string, nowMs: number): number {
  const today = Math.floor((nowMs + 8 * 3_600_000) / DAY_MS)
  return Math.round(new Date(`${last}T00:00:00Z`).getTime() / DAY_MS) - today + 1
}
