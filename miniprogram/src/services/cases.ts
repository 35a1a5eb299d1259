// Cases as officials work on them: lists, one case with everything about it, and what is done with it.
import { signedIn } from './auth'
import { left, pressing, type Left } from './deadline'
import { Problem, send, type Options, type Result } from './http'

export type Case = Result<'/api/v1/cases/{case_id}', 'get'>
export type CaseRow = Result<'/api/v1/cases', 'get'>['items'][number]
export type CaseEvent = Result<'/api/v1/cases/{case_id}/events', 'get'>['items'][number]
export type Evidence = Result<'/api/v1/cases/{case_id}/evidence', 'get'>
export type Letter = Result<'/api/v1/supervisions/{letter_id}', 'get'>
export type Contact = Result<'/api/v1/reports/{report_id}/identity-looks', 'post'>
export type Query = NonNullable<Options<'/api/v1/cases', 'get'>['query']>

const WATCHING = new Set(['office', 'county_chief', 'inspector'])
export const watches = (role: string): boolean => WATCHING.has(role)

export async function page(query: Query): Promise<Result<'/api/v1/cases', 'get'>> {
  await signedIn()
  return send('get', '/api/v1/cases', { query })
}

/** Cases per state, as the tabs show them: "3", "10000+". */
export async function counts(unit?: string): Promise<Record<string, string>> {
  await signedIn()
  const { items } = await send('get', '/api/v1/cases/counts', { query: unit ? { unit } : {} })
  return Object.fromEntries(items.map(({ state, shown }) => [state, shown]))
}

const at = (id: string) => ({ path: { case_id: id } })

export async function read(id: string): Promise<Case> {
  await signedIn()
  return send('get', '/api/v1/cases/{case_id}', at(id))
}

export const events = async (id: string): Promise<CaseEvent[]> => (await send('get', '/api/v1/cases/{case_id}/events', at(id))).items
export const evidence = (id: string): Promise<Evidence> => send('get', '/api/v1/cases/{case_id}/evidence', at(id))
export const duplicates = async (id: string) => (await send('get', '/api/v1/cases/{case_id}/duplicates', at(id))).items
export const timeline = async (id: string) => (await send('get', '/api/v1/cases/{case_id}/timeline', { ...at(id), query: { limit: 200 } })).items
export const letter = (id: string): Promise<Letter> => send('get', '/api/v1/supervisions/{letter_id}', { path: { letter_id: id } })

export async function followUps(query: { mine?: boolean; before?: string }) {
  await signedIn()
  return send('get', '/api/v1/follow-ups', { query: { state: 'planned', limit: 20, ...query } })
}

/** Everybody on the roster who may look back, page by page: the office alone reads it. */
export async function inspectors(): Promise<{ id: string; name: string }[]> {
  const found: { id: string; name: string }[] = []
  let before: string | undefined
  do {
    const { items, next } = await send('get', '/api/v1/roster', { query: { limit: 100, before } })
    found.push(...items.filter(({ roles }) => roles.some(({ role }) => watches(role))).map(({ id, name }) => ({ id, name })))
    before = next ?? undefined
  } while (before)
  return found
}

export interface Deed {
  caseId: string
  action: string
  /** The reminder, letter or report that it is about, when it is not about the case itself. */
  about?: string
  body: Record<string, unknown>
  version: number
  key: string
}

/** Do it. A look at an identity resolves with what was seen; everything else with nothing to show. */
export async function carryOut({ caseId, action, about = '', body, version, key }: Deed): Promise<Contact | undefined> {
  await signedIn() // an answer of 401 has ended the session: the next try begins another
  const form = body as never
  if (action === 'look') return send('post', '/api/v1/reports/{report_id}/identity-looks', { path: { report_id: about }, body: form, key })
  if (action === 'reply_reminder') await send('post', '/api/v1/reminders/{reminder_id}/reply', { path: { reminder_id: about }, body: form, key })
  else if (action === 'reply_supervision') await send('post', '/api/v1/supervisions/{letter_id}/replies', { path: { letter_id: about }, body: form, key })
  else if (action === 'end_supervision') await send('post', '/api/v1/supervisions/{letter_id}/end', { path: { letter_id: about }, body: form, key })
  else if (action === 'accept_reply' || action === 'send_back_reply') {
    const reply = (await letter(about)).replies.find(({ decision }) => !decision)
    if (!reply) throw new Problem(409, 'no_reply', '没有等着决定的回复，请返回刷新。')
    const path = { letter_id: about, reply_id: reply.id }
    if (action === 'accept_reply') await send('post', '/api/v1/supervisions/{letter_id}/replies/{reply_id}/accept', { path, body: form, key })
    else await send('post', '/api/v1/supervisions/{letter_id}/replies/{reply_id}/send-back', { path, body: form, key })
  } else await send('post', '/api/v1/cases/{case_id}/actions/{action}', { path: { case_id: caseId, action }, body: form, key, version })
  return undefined
}

export interface Shown extends CaseRow {
  left: Left
  due: string
}

/** A row as lists show it: what presses, in words. */
export function shown(row: CaseRow, titles: (kind: string) => string, now = new Date()): Shown {
  const clock = pressing(row.clocks)
  return { ...row, due: clock ? titles(clock.kind) : '', left: clock ? left(clock.due_at, now) : { words: '', tone: '' } }
}
