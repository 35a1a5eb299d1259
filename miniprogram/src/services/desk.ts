// Letting a computer's sign-in page in, from the phone.
import * as platform from '../platform/index'
import { refresh } from './auth'
import { send, type Result } from './http'
import type { Session } from './session'

export type DeskPage = Result<'/api/v1/desk-scans/{code}', 'get'>

/** The code of a sign-in page, from what its QR code says or from what was typed; undefined when it is none. */
export function codeOf(text: string): string | undefined {
  const [, inAddress] = /\/desk\/scan\?code=(\d{8})$/.exec(text.trim()) ?? []
  const digits = text.replace(/\s/g, '')
  return inAddress ?? (/^\d{8}$/.test(digits) ? digits : undefined)
}

/** Whose page it is, and as whom this phone would let it in. */
export async function look(code: string): Promise<{ page: DeskPage; session: Session }> {
  const session = await refresh()
  return { session, page: await send('get', '/api/v1/desk-scans/{code}', { path: { code } }) }
}

export async function confirm(code: string): Promise<void> {
  await send('post', '/api/v1/desk-scans/{code}/confirm', { path: { code }, key: platform.randomId() })
}

export async function refuse(code: string): Promise<void> {
  await send('post', '/api/v1/desk-scans/{code}/refuse', { path: { code }, key: platform.randomId() })
}
