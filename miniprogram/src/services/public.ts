// What anybody may see without signing in: problems found and closed, each reach's notice board.
import { API } from '../config'
import * as platform from '../platform/index'
import { toGcj02 } from './coordinates'
import { EMPTY, keepDraft, readDraft, started } from './draft'
import { send, type Result } from './http'

export type Found = Result<'/api/v1/public/cases', 'get'>['items'][number]
export type Problem = Result<'/api/v1/public/cases/{number}', 'get'>
export type Pin = Result<'/api/v1/public/map', 'get'>['items'][number]
export type Counts = Result<'/api/v1/public/counts', 'get'>
export type Board = Result<'/api/v1/public/boards/{token}', 'get'>
export type ReachRow = Result<'/api/v1/public/reaches', 'get'>['items'][number]
export interface Wanted {
  state?: 'open' | 'closed'
  reach?: string
}

const anonymous = true

export function list(wanted: Wanted, before?: number): Promise<Result<'/api/v1/public/cases', 'get'>> {
  return send('get', '/api/v1/public/cases', { anonymous, query: { ...wanted, before, limit: 20 } })
}

export function map(wanted: Wanted): Promise<Result<'/api/v1/public/map', 'get'>> {
  return send('get', '/api/v1/public/map', { anonymous, query: wanted })
}

export function counts(): Promise<Counts> {
  return send('get', '/api/v1/public/counts', { anonymous })
}

export function problem(number: string): Promise<Problem> {
  return send('get', '/api/v1/public/cases/{number}', { anonymous, path: { number } })
}

export function reaches(): Promise<Result<'/api/v1/public/reaches', 'get'>> {
  return send('get', '/api/v1/public/reaches', { anonymous })
}

export function board(which: { token: string } | { code: string }): Promise<Board> {
  if ('token' in which) return send('get', '/api/v1/public/boards/{token}', { anonymous, path: { token: which.token } })
  return send('get', '/api/v1/public/reaches/{code}', { anonymous, path: { code: which.code } })
}

/** The address of a published picture, which the server names by its path. */
export function addressOf(path: string): string {
  return API.replace(/\/api\/v1$/, '') + path
}

/** What a board's code carries, from whatever a scan gives: our mini-program code, or the link printed beside it. */
export function tokenIn(scanned: string): string {
  return /(?:scene=|\/b\/)(\w{8,64})/.exec(decodeURIComponent(scanned))?.[1] ?? ''
}

const SHORT_MONTH = /^(\d+)-0?(\d+)-0?(\d+)$/

/** 2026-06-01 → 2026年6月1日 */
export function day(on: string): string {
  return on.replace(SHORT_MONTH, '$1年$2月$3日')
}

/** Pins as WeChat's map takes them: GCJ-02, numbered by their place in the list. */
export function markers(pins: Pin[]): { id: number; latitude: number; longitude: number; title: string; ariaLabel: string; width: number; height: number }[] {
  return pins.map((pin, id) => {
    const { latitude, longitude } = toGcj02({ latitude: pin.lat, longitude: pin.lon })
    const title = `${pin.category_name}，${pin.open ? '正在整改' : '已办结'}`
    return { id, latitude, longitude, title, ariaLabel: title, width: 24, height: 34 }
  })
}

/** Begin a report at this board, unless another one is half written: that one is not touched. */
export async function reportAt(shown: Board): Promise<void> {
  const draft = readDraft()
  if (!started(draft)) {
    keepDraft({ ...EMPTY, ...draft, place: { longitude: shown.lon, latitude: shown.lat, byHand: true }, address: shown.board ?? shown.name })
  }
  await platform.go('/packages/resident/report/report')
}
