import assert from 'node:assert/strict'
import test from 'node:test'
import { atOnce, bodyOf, fieldsOf, keyFor, lacking, sorted } from '../../src/services/actions'
import { left, pressing } from '../../src/services/deadline'

const now = new Date('2026-06-02T09:00:00+08:00')

test('what is left is said in days, on the last day in hours, at the end in minutes', () => {
  assert.deepEqual(left('2026-06-08T23:59:59+08:00', now), { words: '还剩 6 天', tone: '' })
  assert.deepEqual(left('2026-06-03T23:59:59+08:00', now), { words: '还剩 1 天', tone: 'warn' })
  assert.deepEqual(left('2026-06-02T23:59:59+08:00', now), { words: '还剩 14 小时', tone: 'warn' })
  assert.deepEqual(left('2026-06-02T09:20:00+08:00', now), { words: '还剩 20 分钟', tone: 'warn' })
})

test('what is late is said as late, also within the first hour', () => {
  assert.deepEqual(left('2026-06-02T08:30:00+08:00', now), { words: '已超期 30 分钟', tone: 'danger' })
  assert.deepEqual(left('2026-05-31T23:59:59+08:00', now), { words: '已超期 2 天', tone: 'danger' })
})

test('the right to refuse presses nobody, the nearest duty does', () => {
  const clock = (kind: string, due_at: string) => ({ kind, due_at, holder: 'x', overdue: false })
  const clocks = [clock('refuse', '2026-06-03T00:00:00Z'), clock('rectify', '2026-06-09T00:00:00Z'), clock('accept', '2026-06-04T00:00:00Z')]
  assert.equal(pressing(clocks)?.kind, 'accept')
  assert.equal(pressing([]), undefined)
})

test('a form asks for what the server asks for, and says what is missing', () => {
  const fields = fieldsOf('start', ['measure', 'person', 'date'])
  assert.deepEqual(fields.map(({ control }) => control), ['text', 'line', 'date'])
  assert.deepEqual(lacking(fields, { measure: '清运', person: ' ' }), ['请填写：责任人。', '请选择：计划完成日期。'])
  assert.deepEqual(lacking(fields, { measure: '清运', person: '李四', date: '2026-06-05' }), [])
})

test('what an action only takes may be left out, and empty fields are not sent', () => {
  const fields = fieldsOf('rule', ['unit', 'reason'])
  const values = { unit: '530199101', reason: ' 在其辖区 ', assisting: [], rectify_by: '' }
  assert.deepEqual(lacking(fields, values), [])
  assert.deepEqual(bodyOf(fields, values), { unit: '530199101', reason: '在其辖区' })
})

test('photos are sent by what the server calls them', () => {
  const photo = { id: 'p', file: 'f', takenAt: '', state: 'uploaded' as const, percent: 100, ref: { id: 'a', claim: 'b' } }
  assert.deepEqual(bodyOf(fieldsOf('verify', ['photos']), { photos: [photo] }), { photos: [{ id: 'a', claim: 'b' }] })
})

test('the same thing sent again has the same key, another thing another one', () => {
  let n = 0
  const fresh = () => `key-${++n}`
  const first = keyFor({ reason: '一' }, undefined, fresh)
  assert.equal(keyFor({ reason: '一' }, first, fresh).key, first.key)
  assert.notEqual(keyFor({ reason: '二' }, first, fresh).key, first.key)
})

test('the next step comes first, and what this screen cannot draw is left to the desk', () => {
  const allowed = [
    { action: 'note', needs: ['note'] },
    { action: 'grade', needs: ['severity', 'reason'] },
    { action: 'accept', needs: [] },
  ]
  assert.deepEqual(sorted(allowed).here.map(({ action }) => action), ['accept', 'note'])
  assert.deepEqual(sorted(allowed).desk.map(({ action }) => action), ['grade'])
  assert.equal(atOnce('accept'), true)
  assert.equal(atOnce('reject'), false)
})
