// The people of a unit, who stands in for whom 代办 (B角), and handing one's cases over 移交.
import { signedIn } from './auth'
import { send, type Body, type Result } from './http'

export type Colleague = Result<'/api/v1/colleagues', 'get'>['items'][number]
export type Delegation = Result<'/api/v1/delegations', 'get'>['items'][number]
export type Handover = Result<'/api/v1/handovers/person', 'post'>
export type DelegationForm = NonNullable<Body<'/api/v1/delegations', 'post'>>
export type HandoverForm = NonNullable<Body<'/api/v1/handovers/person', 'post'>>

/** Handlers and heads of one's unit, or of `unit` for the office; `heads`: may decide for the others too. */
export async function colleagues(unit?: string): Promise<Result<'/api/v1/colleagues', 'get'>> {
  await signedIn()
  return send('get', '/api/v1/colleagues', { query: unit ? { unit } : {} })
}

/** Who stands in for whom now or will, the latest first. */
export async function delegations(): Promise<Delegation[]> {
  return (await send('get', '/api/v1/delegations', { query: { current: true, limit: 50 } })).items
}

export async function delegate(body: DelegationForm, key: string): Promise<Delegation> {
  await signedIn()
  return send('post', '/api/v1/delegations', { body, key })
}

export async function endDelegation(id: string): Promise<Delegation> {
  await signedIn()
  return send('post', '/api/v1/delegations/{delegation_id}/end', { path: { delegation_id: id } })
}

/** With dry_run only told what would go over. */
export async function handOver(body: HandoverForm, key?: string): Promise<Handover> {
  await signedIn()
  return send('post', '/api/v1/handovers/person', { body, key })
}
