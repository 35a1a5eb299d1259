// The lines of a track: few corners handed over while it grows, all of it drawn.
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Point as TrackPoint } from '../../src/services/boxes'
import { changedLines, piecesOf, walked, type MapLine } from '../../src/services/maps'

const track = (seconds: number): TrackPoint[] =>
  Array.from({ length: seconds }, (_, n): TrackPoint => [n * 1000, 102.7 + n * 0.00001, 25.3, 8, 1.2, null, n === 50 ? 1 : 0])

const lines = (seconds: number): MapLine[] => walked(piecesOf(track(seconds)))

function after(shown: MapLine[], given: Record<string, MapLine | MapLine[]>): MapLine[] {
  if (Array.isArray(given['lines'])) return given['lines']
  const found = [...shown]
  for (const [path, line] of Object.entries(given)) found[Number(/\d+/.exec(path)?.[0])] = line as MapLine
  return found
}

test('what is handed over second by second draws the whole track', () => {
  let shown: MapLine[] = []
  for (let seconds = 1; seconds < 1000; seconds += 1) {
    shown = after(shown, changedLines(shown, lines(seconds)))
    assert.deepEqual(shown, lines(seconds))
  }
})

test('a second more hands over the last line alone', () => {
  const given = changedLines(lines(200), lines(201))
  assert.deepEqual(Object.keys(given), [`lines[${lines(201).length - 1}]`])
})

test('the lines of a piece follow each other without a gap, and none leads over the time away', () => {
  const drawn = lines(120)
  const gaps = drawn.slice(1).filter((line, n) => JSON.stringify(line.points[0]) !== JSON.stringify(drawn[n]?.points.at(-1)))
  assert.equal(gaps.length, 1)
})
