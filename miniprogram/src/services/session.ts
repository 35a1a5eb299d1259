// Who is signed in on this phone, kept over restarts.
import * as platform from '../platform/index'
import type { components } from './api'

export type Session = components['schemas']['SessionOut']

const KEY = 'session'

export function current(): Session | undefined {
  return platform.read<Session>(KEY)
}

export function token(): string | undefined {
  return current()?.token ?? undefined
}

/** Keep a session as the server told it; an answer without a token is about the one that is kept. */
export function keepSession(session: Session): Session {
  const kept = { ...session, token: session.token ?? token() ?? null }
  platform.write(KEY, kept)
  return kept
}

export function forgetSession(): void {
  platform.forget(KEY)
}
