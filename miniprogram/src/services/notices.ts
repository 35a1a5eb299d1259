// The inbox: what happened in cases that concern this person.
import * as platform from '../platform/index'
import { signedIn } from './auth'
import { send, type Result } from './http'

export type Notice = Result<'/api/v1/notices', 'get'>['items'][number]

export async function inbox(before?: string): Promise<Result<'/api/v1/notices', 'get'>> {
  await signedIn()
  return send('get', '/api/v1/notices', { query: { before, limit: 20 } })
}

export async function markRead(id: string): Promise<void> {
  await signedIn()
  await send('post', '/api/v1/notices/{notice_id}/read', { path: { notice_id: id }, key: platform.randomId() })
}
