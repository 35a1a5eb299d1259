// The one place that talks to our server. Types come from the server's own description (api.d.ts, made at each build).
import { API } from '../config'
import * as platform from '../platform/index'
import type { paths } from './api'
import { forgetSession, token } from './session'

type Method = 'get' | 'post' | 'put' | 'delete' | 'patch'
export type PathsOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, infer O> ? (O extends undefined | never ? never : P) : never
}[keyof paths]
type Operation<P extends keyof paths, M extends Method> = paths[P][M & keyof paths[P]]
type Success<O> = O extends { responses: infer R }
  ? { [S in keyof R & (200 | 201 | 202)]: R[S] extends { content: { 'application/json': infer B } } ? B : undefined }[keyof R & (200 | 201 | 202)]
  : never
type BodyOf<O> = O extends { requestBody?: { content: { 'application/json': infer B } } } ? B : undefined
type QueryOf<O> = O extends { parameters: { query?: infer Q } } ? Q : undefined

export type Body<P extends keyof paths, M extends Method> = BodyOf<Operation<P, M>>
export type Result<P extends keyof paths, M extends Method> = Success<Operation<P, M>>

/** What went wrong, in words that can be shown. `code` is stable; `offline` and `timeout` are ours. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly extra: Record<string, unknown> = {},
  ) {
    super(`${status} ${code}`)
  }

  /** Whether the same request may succeed later, unchanged. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

export interface Options<P extends keyof paths, M extends Method> {
  path?: Record<string, string>
  query?: QueryOf<Operation<P, M>>
  body?: Body<P, M>
  headers?: Record<string, string>
  /** The same key on every attempt makes a create happen once. */
  key?: string
  /** The version of a case that the user has seen. */
  version?: number
  anonymous?: boolean
  timeoutMs?: number
}

const LIKELY: Record<number, [string, string]> = {
  401: ['unauthenticated', '请先登录。'],
  413: ['too_large', '内容太大，请减少照片或文字后再试。'],
  429: ['too_many_requests', '操作太频繁，请过一会儿再试。'],
}

/** Send one request. Throws Problem for everything that is not a success. */
export async function send<M extends Method, P extends PathsOf<M> & string>(
  method: M,
  path: P,
  options: Options<P, M> = {},
): Promise<Result<P, M>> {
  const answer = await platform
    .request({
      url: API + fill(path.replace(/^\/api\/v1/, ''), options.path) + search(options.query as Record<string, unknown> | undefined),
      method: method.toUpperCase() as 'GET',
      body: options.body,
      headers: headersOf(options),
      timeoutMs: options.timeoutMs,
    })
    .catch((error: unknown) => {
      throw unreachable(error)
    })
  if (answer.status >= 200 && answer.status < 300) return answer.body as Result<P, M>
  const problem = problemOf(answer)
  if (answer.status === 401 && !options.anonymous) forgetSession()
  throw problem
}

function headersOf(options: { anonymous?: boolean; key?: string; version?: number; headers?: Record<string, string> }): Record<string, string> {
  const known = options.anonymous ? undefined : token()
  return {
    ...(known ? { Authorization: `Bearer ${known}` } : {}),
    ...(options.key ? { 'Idempotency-Key': options.key } : {}),
    ...(options.version === undefined ? {} : { 'If-Match': String(options.version) }),
    ...options.headers,
  }
}

function fill(path: string, values: Record<string, string> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))
}

function search(query: Record<string, unknown> = {}): string {
  const parts = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((one) => `${name}=${encodeURIComponent(String(one))}`))
  return parts.length ? `?${parts.join('&')}` : ''
}

/** The Problem of whatever a request threw: no answer in words, a Problem as it is. Throws what is neither. */
export function unreachable(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof platform.Refused && error.reason === 'timeout') {
    return new Problem(0, 'timeout', '网络太慢，没有等到回应。内容没有丢，请再试一次。')
  }
  if (error instanceof platform.Refused) return new Problem(0, 'offline', '现在没有网络。内容没有丢，有信号后再试。')
  throw error
}

export function problemOf(answer: platform.Answer): Problem {
  const body = (typeof answer.body === 'object' && answer.body !== null ? answer.body : {}) as Record<string, unknown>
  const [code, title] = LIKELY[answer.status] ?? ['error', '系统出了点问题，请稍后再试。']
  return new Problem(
    answer.status,
    typeof body['code'] === 'string' ? body['code'] : code,
    typeof body['title'] === 'string' ? body['title'] : title,
    body,
  )
}
