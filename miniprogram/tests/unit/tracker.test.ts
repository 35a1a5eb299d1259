import assert from 'node:assert/strict'
import test from 'node:test'
import type { Point } from '../../src/services/boxes'
import { Meter } from '../../src/services/track'
import { Tracker } from '../../src/services/tracker'
import { World } from './world'

const FIX = { longitude: 102.9123456789, latitude: 25.2, accuracy: 8.04, speed: 1.234, altitude: 1890.04 }

function tracked(resumed = false) {
  const points: Point[] = []
  const clock = { ms: 1_780_000_000_000 }
  const tracker = new Tracker(() => clock.ms, (point) => points.push(point), resumed)
  return { points, clock, tracker }
}

test('a point has the time of the callback, and what the phone does not know is left empty', () => {
  const { points, clock, tracker } = tracked()
  tracker.heard(FIX)
  clock.ms += 5000
  tracker.heard({ ...FIX, speed: -1, accuracy: 0 })
  assert.deepEqual(points, [
    [1_780_000_000_000, 102.9123457, 25.2, 8, 1.23, 1890, 0],
    [1_780_000_005_000, 102.9123457, 25.2, null, null, 1890, 0],
  ])
})

test('callbacks of every second are thinned, those of a clock that was put back are kept', () => {
  const { points, clock, tracker } = tracked()
  for (let n = 0; n < 10; n++, clock.ms += 1000) tracker.heard(FIX)
  assert.equal(points.length, 5)
  clock.ms -= 3_600_000
  tracker.heard(FIX)
  assert.equal(points.length, 6)
})

test('what is no place on the earth would spoil a whole batch and is left out', () => {
  const { points, tracker } = tracked()
  tracker.heard({ ...FIX, latitude: Number.NaN })
  tracker.heard({ ...FIX, longitude: 220 })
  assert.equal(points.length, 0)
})

test('the first callback after the background, and after a restart, is marked', () => {
  const { points, clock, tracker } = tracked(true)
  tracker.heard(FIX)
  clock.ms += 5000
  tracker.heard(FIX)
  tracker.returned()
  clock.ms += 600_000
  tracker.heard(FIX)
  clock.ms += 5000
  tracker.heard(FIX)
  assert.deepEqual(points.map((point) => point[6]), [1, 0, 1, 0])
})

test('a phone that tells nothing for a minute is asked again', () => {
  const { clock, tracker } = tracked()
  tracker.heard(FIX)
  clock.ms += 59_000
  assert.equal(tracker.silent(), false)
  clock.ms += 2000
  assert.equal(tracker.silent(), true)
  tracker.asked()
  assert.equal(tracker.silent(), false)
})

test('a pause is neither walked nor counted, and what follows is a new, marked piece', async () => {
  const world = await new World().start()
  const box = await world.begin()
  world.go(24)
  await world.walk.pause()
  world.clock.ms += 600_000
  world.go(5)
  assert.equal(world.boxes.track(box).length, 24)
  await world.walk.resume()
  world.go(24)
  const track = world.boxes.track(box)
  assert.equal(track.length, 48)
  assert.equal(track[24]?.[6], 1)
  const meter = new Meter([])
  assert.equal(meter.figures(box, world.clock.ms).minutes, 4)
})

test('a patrol that was cut off is offered, ended at its last point, and nothing is added to its old files', async () => {
  const world = await new World().start()
  const box = await world.begin()
  world.go(30)
  await new Promise((resolve) => setImmediate(resolve))
  await world.restart()
  const [kept] = world.boxes.all()
  assert.ok(kept && world.walk.current() === kept)
  const file = `track-${box.id}-${kept.batches[0]?.id}.log`
  const before = world.disk.files.get(file)
  await world.queue.wake()
  assert.equal(world.server.points.length, 30, 'what was walked goes out before the chief decides')
  await world.walk.resume()
  world.go(10)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(world.disk.files.get(file) ?? before, before)
  assert.equal(kept.batches.length, 2)
  assert.equal(world.boxes.track(kept)[30]?.[6], 1)
})

test('metres along the river and the share of the reach, as walked', () => {
  const line: [number, number][] = [
    [102.9, 25.2],
    [102.93, 25.2],
  ]
  const meter = new Meter([{ code: 'R', line, corridor_m: 100 }])
  const length = 0.03 * 111_195 * Math.cos((25.2 * Math.PI) / 180)
  const start = { role: '', unit: '', reaches: [], started_at: new Date(0).toISOString(), mode: 'walk' as const, practice: false, companions: [] }
  for (let n = 0; n <= 200; n++) meter.add([n * 5000, 102.9 + (n / 200) * 0.015, 25.2 + (n % 2) * 2e-5, 8, 1.2, null, 0])
  let found = meter.figures({ start, pauses: [], phase: 'walking' }, 200 * 5000)
  assert.ok(Math.abs(found.metres - length / 2) < 30, `${found.metres}`)
  assert.ok(Math.abs((found.coverage['R'] ?? 0) - 0.5) < 0.02)
  assert.equal(found.minutes, 16)
  for (let n = 0; n < 100; n++) meter.add([1_000_000 + n * 5000, 102.915 + Math.sin(n) * 2e-5, 25.2, 8, 0, null, 0])
  found = meter.figures({ start, pauses: [], phase: 'walking' }, 1_500_000)
  assert.ok(Math.abs(found.metres - length / 2) < 40, 'standing still adds nothing')
  meter.add([2_000_000, 102.93, 25.2, 8, 30, null, 0])
  assert.ok(Math.abs(meter.figures({ start, pauses: [], phase: 'walking' }, 2_000_000).metres - length / 2) < 40, 'a drive over a gap adds nothing')
})
