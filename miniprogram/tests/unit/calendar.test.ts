import assert from 'node:assert/strict'
import test from 'node:test'
import { cellsOf, dayWords, isWorkday, today, turned, workdaysAfter, type Calendar } from '../../src/services/calendar'

// As the State Council's notice for 2026 has it, around the National Day.
const known: Calendar = {
  years: [2026],
  holidays: ['2026-10-01', '2026-10-02', '2026-10-03', '2026-10-04', '2026-10-05', '2026-10-06', '2026-10-07'],
  workdays: ['2026-09-20', '2026-10-10'],
}

test('holidays are off, make-up Saturdays and Sundays are worked', () => {
  assert.equal(isWorkday(known, '2026-10-01'), false) // a Thursday
  assert.equal(isWorkday(known, '2026-10-10'), true) // a Saturday
  assert.equal(isWorkday(known, '2026-10-11'), false)
  assert.equal(isWorkday(known, '2027-10-01'), true) // a year whose notice is not out: weekends alone
})

test('day one is the next working day, as the server counts', () => {
  assert.equal(workdaysAfter(known, '2026-09-30', '2026-09-30'), 0)
  assert.equal(workdaysAfter(known, '2026-09-30', '2026-10-08'), 1)
  assert.equal(workdaysAfter(known, '2026-09-30', '2026-10-12'), 4)
})

test('a month begins under its day of the week, and each day says what it is', () => {
  const cells = cellsOf(known, '2026-10', '2026-10-09')
  assert.equal(cells.findIndex(({ day }) => day === 1), 3) // Monday first: a Thursday is the fourth
  assert.equal(cells.filter(({ day }) => day).length, 31)
  const on = (date: string) => cells.find((one) => one.date === date)
  assert.deepEqual(on('2026-10-01'), { date: '2026-10-01', day: 1, mark: '休', off: true, early: true, name: '10月1日，周四，节假日' })
  assert.equal(on('2026-10-10')?.name, '10月10日，周六，调休上班')
  assert.equal(on('2026-10-11')?.name, '10月11日，周日，休息')
  assert.equal(on('2026-10-09')?.early, false)
})

test('months turn over the year, and today is the day in China', () => {
  assert.equal(turned('2026-12', 1), '2027-01')
  assert.equal(turned('2026-01', -1), '2025-12')
  assert.equal(today(Date.parse('2026-06-01T17:00:00Z')), '2026-06-02')
  assert.equal(dayWords('2026-06-08'), '6月8日，周一')
})
