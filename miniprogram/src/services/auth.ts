// Signing in with WeChat, binding to the roster, switching between one's roles, signing out.
import * as platform from '../platform/index'
import { send, type Result } from './http'
import { current, forgetSession, keepSession, type Session } from './session'

const LEFT = 'signed-out'
let signingIn: Promise<Session> | undefined

/** The session of this phone; signs in when there is none. Parallel callers share one sign-in. */
export function signedIn(): Promise<Session> {
  const known = current()
  if (known?.token && new Date(known.expires_at) > new Date()) return Promise.resolve(known)
  signingIn ??= signIn().finally(() => {
    signingIn = undefined
  })
  return signingIn
}

async function signIn(): Promise<Session> {
  platform.forget(LEFT)
  const code = await platform.loginCode()
  return keepSession(await send('post', '/api/v1/session', { body: { code }, anonymous: true }))
}

/** Ask the server who this is now: roles may have come or gone. */
export async function refresh(): Promise<Session> {
  await signedIn()
  return keepSession(await send('get', '/api/v1/session'))
}

export async function bindPhone(code: string): Promise<Session> {
  await signedIn()
  return keepSession(await send('post', '/api/v1/session/phone', { body: { code } }))
}

export async function bindCode(code: string): Promise<Session> {
  await signedIn()
  return keepSession(await send('post', '/api/v1/session/binding-code', { body: { code } }))
}

export async function chooseRole(roleId: string): Promise<Session> {
  return keepSession(await send('put', '/api/v1/session/role', { body: { role_id: roleId } }))
}

export async function signOut(everywhere = false): Promise<void> {
  if (everywhere) await send('delete', '/api/v1/sessions')
  else await send('delete', '/api/v1/session')
  leave()
}

export type Outlook = Result<'/api/v1/account/closing', 'get'>

/** What closing the account would erase and keep, and what is in the way. */
export async function closing(): Promise<Outlook> {
  await signedIn()
  return send('get', '/api/v1/account/closing')
}

/** Close the account for good; `typed` is the word that confirms it. What lies on this phone stays: it is the user's. */
export async function closeAccount(typed: string): Promise<void> {
  await send('post', '/api/v1/account/closing', { body: { confirm: typed } })
  leave()
}

function leave(): void {
  platform.write(LEFT, true)
  forgetSession()
}

/** Whether the user has signed out and not come back: nothing may sign in behind their back. */
export function hasLeft(): boolean {
  return platform.read<boolean>(LEFT) === true
}
