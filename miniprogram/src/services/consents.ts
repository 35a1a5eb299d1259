// Consent to subscription messages, asked when somebody wants to hear more: each yes allows one message of a template.
import * as platform from '../platform/index'
import { signedIn } from './auth'
import { county } from './county'
import { send, type Body } from './http'

/** What WeChat's sheet shows at most. */
const AT_ONCE = 3
type Answers = Body<'/api/v1/notices/consents', 'post'>['answers']
const REPORTER = ['accept', 'close', 'reject', 'default']
const OFFICIAL = ['assign', 'send_back', 'remind', 'default']

/** The templates to ask for, none when the county has none. Known before the tap: WeChat opens its sheet only at once. */
export async function templatesFor(who: 'reporter' | 'official'): Promise<string[]> {
  const { templates } = await county()
  const wanted = (who === 'reporter' ? REPORTER : OFFICIAL).flatMap((kind) => templates[kind] ?? [])
  return [...new Set(wanted)].slice(0, AT_ONCE)
}

/** Ask, and let the server count the answers. Resolves with the sentence to show. */
export async function askFor(templates: string[]): Promise<string> {
  let answers: Record<string, string>
  try {
    answers = await platform.subscribe(templates)
  } catch (error) {
    if (!(error instanceof platform.Refused)) throw error
    return '微信没有打开订阅消息。可以在微信的“设置”里打开后再试。'
  }
  if (!Object.values(answers).some((answer) => answer.startsWith('accept'))) return '没有订阅。消息在“我的”里照样看得到。'
  await signedIn()
  await send('post', '/api/v1/notices/consents', { body: { answers: answers as Answers }, key: platform.randomId() })
  return '好的，有进展会用微信告诉您一次'
}
