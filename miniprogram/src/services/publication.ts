// The office's decision on what the public sees of a case.
import { signedIn } from './auth'
import { send, type Body, type Result } from './http'

export type Decision = Result<'/api/v1/cases/{case_id}/publication', 'get'>
export type DecisionForm = NonNullable<Body<'/api/v1/cases/{case_id}/publication', 'post'>>

const of = (id: string) => ({ path: { case_id: id } })

export async function decision(id: string): Promise<Decision> {
  await signedIn()
  return send('get', '/api/v1/cases/{case_id}/publication', of(id))
}

export async function decide(id: string, body: DecisionForm, key: string): Promise<Decision> {
  await signedIn()
  return send('post', '/api/v1/cases/{case_id}/publication', { ...of(id), body, key })
}
