// The one form for every action: which control each need gets, what is missing, what is sent. Which actions and which needs
// there are, the server says; nothing here decides who may do what.
import type { Photo } from './photos'

export type Control = 'text' | 'line' | 'date' | 'photos' | 'place' | 'unit' | 'units' | 'colleague' | 'inspector' | 'case' | 'supplement'

export interface Field {
  name: string
  label: string
  control: Control
  optional: boolean
  hint: string
  /** Common sentences that one tap puts in. */
  templates: string[]
}

export interface Values {
  [name: string]: string | string[] | Photo[] | Place | undefined
}

export interface Place {
  lon: number
  lat: number
  coord_type: 'wgs84'
  accuracy_m?: number
}

const CONTROLS: Record<string, [string, Control, string?]> = {
  reason: ['理由', 'text'],
  measure: ['整改措施', 'text', '准备怎么办'],
  done: ['做了什么', 'text', '怎样处理的，现在是什么样子'],
  note: ['情况说明', 'text'],
  text: ['回复内容', 'text'],
  demands: ['督办要求', 'text', '要求做到什么'],
  person: ['责任人', 'line', '姓名'],
  body: ['接收单位', 'line', '移送给哪个单位'],
  date: ['计划完成日期', 'date'],
  rectify_by: ['希望的新期限', 'date'],
  ordered_by: ['来源要求的期限', 'date'],
  photos: ['现场照片', 'photos', '请在现场拍，照片带上拍摄时间和位置'],
  photos_before: ['处理前照片', 'photos'],
  place: ['您所在的位置', 'place'],
  unit: ['主办单位', 'unit'],
  assisting: ['协办单位', 'units'],
  handler: ['经办人', 'colleague'],
  inspector: ['回头看的人员', 'inspector'],
  target: ['并入哪个案件', 'case'],
  supplement: ['哪一条补充', 'supplement'],
}

/** What an action takes besides what it needs. */
const EXTRAS: Record<string, string[]> = {
  assign: ['assisting'], reassign: ['assisting'], rule: ['assisting', 'rectify_by'], grant_extension: ['rectify_by'],
  note: ['photos'], respond: ['note'], reply_supervision: ['photos'], accept_reply: ['reason'],
} // prettier-ignore

/** Actions beside the table, on a letter, a reminder or a report: what they need. */
export const BESIDE: Record<string, { title: string; needs: string[] }> = {
  reply_reminder: { title: '回复催办', needs: ['text'] },
  reply_supervision: { title: '回复督办函', needs: ['text'] },
  accept_reply: { title: '认可督办回复', needs: [] },
  send_back_reply: { title: '退回督办回复', needs: ['reason'] },
  end_supervision: { title: '结束督办', needs: ['reason'] },
  look: { title: '查看举报人身份', needs: ['reason'] },
}

const TEMPLATES: Record<string, string[]> = {
  'return.reason': ['该处不在本单位辖区内，属于对岸乡镇。', '不属于本单位职责，建议由主管部门办理。'],
  'ask_extension.reason': ['连日降雨、水位高，现场无法施工。', '需要大型机械，正在调运。', '涉及多家单位，正在协调。'],
  'start.measure': ['组织人员清运，恢复岸线原貌。', '责令停止违法行为，限期整改。', '封堵排口，溯源排查。'],
  'request_closure.done': ['垃圾已全部清运，岸线已恢复。', '排口已封堵，水质已恢复。', '违法设备已撤离，现场已平整。'],
  'send_back.reason': ['照片看不出整改后的全貌，请补拍。', '现场仍有残留，请继续整改。', '照片不是在问题地点拍的，请到现场重拍。'],
  'reject.reason': ['经核实，反映的问题不存在。', '不属于河湖管理范围，已告知反映渠道。'],
  'propose_rejection.reason': ['经现场核实，反映的问题不存在。', '不属于河湖管理范围。'],
  'remind.reason': ['期限将到，请抓紧办理。', '已超期，请说明原因并立即办理。'],
  'assign.reason': ['按问题所在位置交办。', '按部门职责交办。'],
  'rule.reason': ['现场位置在该单位辖区内，由其办理。', '两岸共管河段，按牵头单位办理。'],
  'merge.reason': ['同一地点、同一问题。'],
  'transfer.reason': ['问题在本县以外，移送属地处理。'],
  'grant_extension.reason': ['理由充分，同意延期。'],
  'refuse_extension.reason': ['具备整改条件，不同意延期。'],
  'close.reason': ['已到现场核实，照片属实。'],
  'fail_follow_up.reason': ['问题再次出现。', '整改不彻底。'],
  'plan_follow_up.reason': ['群众反映集中，安排再看。'],
  'look.reason': ['需要向举报人核实现场位置。'],
}

/** What will happen, said before it does. */
const MEANS: Record<string, string> = {
  assign: '案件交给所选单位，签收和整改期限开始计算。举报的内容（已隐去个人信息）会给该单位看到。',
  reassign: '案件改由所选单位办理，原单位不再主办。整改期限不重新计算。',
  rule: '裁定由所选单位办理，该单位不能再退回。',
  return: '案件退回县河长办重新分办。整改期限不停，不计入退回后的其他单位。',
  reject: '案件不予受理，举报人会收到理由，可以申诉一次。',
  merge: '这件案件并入所选案件，举报人改看那件案件的进展。可以再拆分。',
  split: '案件从并入的案件里拆出来，重新分办。',
  transfer: '案件移送出去，本县不再办理，也不计入考核。',
  start: '案件进入整改。措施、责任人和完成日期记入台账。',
  request_closure: '案件送去核查，整改期限停止计算。核查不通过会退回来继续整改。',
  send_back: '案件退回原单位继续整改，期限接着计算。',
  close: '案件销号，举报人会收到通知，可以评价或提出异议。',
  verify: '照片记入台账，案件仍在核查。',
  pass_follow_up: '记为回头看合格，案件状态不变。',
  fail_follow_up: '案件重新回到整改，开始新的期限，并发出督办函。',
  plan_follow_up: '记入回头看清单。',
  assign_follow_up: '所选人员会收到回头看任务。',
  ask_extension: '申请送县河长办审批。批准以前，原期限照常计算；可以撤回。',
  withdraw_extension: '撤回延期申请，期限仍是原来的。',
  grant_extension: '期限延长，原期限仍留在台账上。不填日期就按申请的日期。',
  refuse_extension: '不同意延期，仍按原期限办理。',
  propose_rejection: '建议送县河长办决定；决定以前，期限照常计算。',
  decline_rejection: '不采纳建议，原单位继续办理。',
  supervise: '发出督办函，单位负责人须在期限内书面回复。',
  remind: '提醒马上发给办理单位，并记入台账。',
  declare_emergency: '启动应急联动，预案里的单位会立刻收到通知。',
  stand_down: '应急联动结束，案件按平常流程办理。',
  forward: '这条补充会转给办理单位看。',
  note: '记入案件经过，其他办理单位能看到。',
  acknowledge: '确认本单位协办。',
  respond: '表示本单位已经响应，时间记入应急记录。',
  claim: '由您经办这件案件。',
  allocate: '案件改由所选的人经办，他会收到通知。',
  look: '查看会留下记录：谁、什么时候、为什么看。请只在办案需要时查看。',
  end_supervision: '督办结束，单位不用再回复。',
}
/** Done at a tap, since nothing is lost by it; whatever else there is to say is said first. */
const AT_ONCE = new Set(['accept', 'acknowledge', 'claim', 'respond'])
const FIRST = ['respond', 'accept', 'claim', 'acknowledge', 'start', 'request_closure', 'close', 'assign', 'rule', 'pass_follow_up']
const GRAVE = new Set(['return', 'reject', 'send_back', 'fail_follow_up', 'transfer', 'refuse_extension', 'propose_rejection'])

export const meaning = (action: string): string => MEANS[action] ?? ''
export const atOnce = (action: string): boolean => AT_ONCE.has(action)

/** The tone of a button: the next step of the work stands out, what takes something away is red. */
export function toneOfAction(action: string): 'primary' | 'danger' | 'default' {
  return FIRST.includes(action) ? 'primary' : GRAVE.has(action) ? 'danger' : 'default'
}

/** The next step first, then as the server lists them; what this screen has no control for comes apart, for the desk. */
export function sorted<A extends { action: string; needs: string[] }>(allowed: A[]): { here: A[]; desk: A[] } {
  const rank = ({ action }: A) => (FIRST.includes(action) ? FIRST.indexOf(action) : FIRST.length)
  const drawn = ({ needs }: A) => needs.every((need) => need in CONTROLS)
  return { here: allowed.filter(drawn).sort((a, b) => rank(a) - rank(b)), desk: allowed.filter((one) => !drawn(one)) }
}

export function fieldsOf(action: string, needs: string[]): Field[] {
  const extras = (EXTRAS[action] ?? []).filter((name) => !needs.includes(name))
  return [...needs, ...extras].flatMap((name) => {
    const [label, control, hint = ''] = CONTROLS[name] ?? []
    if (!label || !control) return []
    return [{ name, label, control, hint, optional: extras.includes(name), templates: TEMPLATES[`${action}.${name}`] ?? [] }]
  })
}

const empty = (value: Values[string]) => value === undefined || (typeof value === 'string' ? !value.trim() : Array.isArray(value) && !value.length)

/** What is still missing, one sentence each, in the order of the form. */
export function lacking(fields: Field[], values: Values): string[] {
  return fields.filter(({ name, optional }) => !optional && empty(values[name])).map(({ label, control }) => `${VERBS[control] ?? '请选择'}：${label}。`)
}

const VERBS: Partial<Record<Control, string>> = { text: '请填写', line: '请填写', photos: '请拍照', place: '请定位' }

/** What is sent: filled fields alone, photos as what the server calls them. */
export function bodyOf(fields: Field[], values: Values): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const { name, control } of fields) {
    const value = values[name]
    if (empty(value)) continue
    if (control === 'photos') body[name] = (value as Photo[]).flatMap(({ ref }) => (ref ? [ref] : []))
    else body[name] = typeof value === 'string' ? value.trim() : value
  }
  return body
}

/** One key for all attempts at the same thing; another one when something else is sent. */
export function keyFor(body: unknown, before: { body: string; key: string } | undefined, fresh: () => string): { body: string; key: string } {
  const text = JSON.stringify(body)
  return before?.body === text ? before : { body: text, key: fresh() }
}
