// The offline queue: whatever is killed, lost, doubled or refused, the server holds everything once, and the phone
// forgets nothing before the server says so.
import assert from 'node:assert/strict'
import test from 'node:test'
import { waitingIn, type Box } from '../../src/services/boxes'
import { Problem } from '../../src/services/http'
import { World, type Fate } from './world'

const FINDING = { category: 'garbage', categoryName: '垃圾', text: '', place: { longitude: 102.9, latitude: 25.2, accuracy: 8 } }

/** A patrol of some minutes with a photo, a finding and a visit, walked to its end. */
async function wholePatrol(world: World): Promise<Box> {
  const box = await world.begin()
  world.begun = box.id
  await world.stroll(70)
  await world.walk.shoot(box, world.photo())
  await world.walk.find(box, { ...FINDING, photos: [world.photo()], settled: { photos: [world.photo()], done: '已清走' } })
  await world.walk.visit(box, { checkpoint: 'B-1', name: '公示牌', place: FINDING.place, photos: [] })
  await world.stroll(70)
  await world.walk.finish(box)
  return box
}

function everythingArrivedOnce(world: World, box: Box, points: number): void {
  const patrol = world.server.patrols.get(box.id)
  assert.ok(patrol?.held.started && patrol.held.finished)
  assert.equal(new Set(world.server.points).size, world.server.points.length, 'a point came twice')
  assert.equal(world.server.points.length, points)
  assert.deepEqual([patrol.held.photos.length, patrol.held.findings.length, patrol.held.checkpoints.length], [1, 1, 1])
  const named = (patrol.finish?.['batches'] as string[]).filter((id) => patrol.held.batches.includes(id))
  assert.deepEqual([...named].sort(), [...patrol.held.batches].sort())
  assert.deepEqual(world.boxes.all(), [])
  assert.deepEqual([...world.disk.files.keys()], [])
}

test('a patrol with signal arrives whole, and the phone keeps nothing of it', async () => {
  const world = await new World().start()
  const box = await wholePatrol(world)
  await world.settle()
  everythingArrivedOnce(world, box, 140)
  assert.equal(world.server.requests[0], `/${box.id}`, 'the start goes first')
  assert.ok(world.server.requests.at(-1)?.endsWith('/finish'), 'the end goes last')
})

test('days without signal: everything waits on disk, over restarts, and goes out in its order', async () => {
  const world = await new World().start()
  world.server.fates = Array<Fate>(400).fill('offline')
  const box = await wholePatrol(world)
  await new Promise((resolve) => setImmediate(resolve))
  await world.restart()
  const kept = world.boxes.get(box.id)
  assert.ok(kept)
  assert.deepEqual(waitingIn(kept, world.boxes), { points: 140, photos: 3, findings: 1, visits: 1, words: 2, stuck: 0, total: kept.batches.length + 5 })
  world.clock.ms += 5 * 86_400_000
  world.server.fates = []
  const sentAt = new Date(world.clock.ms).toISOString()
  await world.queue.wake()
  await world.settle()
  everythingArrivedOnce(world, box, 140)
  const { start, finish } = world.server.of(box.id)
  assert.deepEqual([start?.['sent_at'], finish?.['sent_at']], [sentAt, sentAt], 'by this the server puts the clock right')
})

test('killed at every single step of writing and sending: what was walked is there once', async () => {
  const whole = await new World().start()
  await wholePatrol(whole)
  await whole.settle()
  const steps = whole.disk.steps
  assert.ok(steps > 100)
  let killed = 0
  for (let at = 1; at <= steps; at += 1) {
    const world = await new World().start()
    world.disk.diesAt = at
    await Promise.race([wholePatrol(world), world.disk.death])
    await world.settle()
    if (!world.disk.dead) continue // writes were shared: it came to its end in fewer steps
    killed += 1
    await world.restart()
    const [box] = world.boxes.all()
    if (!box) {
      // Killed before the start was on disk, or after the end was held.
      assert.ok(!world.begun || world.server.of(world.begun).held.finished, `killed at step ${at}: the patrol is gone`)
      continue
    }
    const walked = box.batches.filter((batch) => !batch.held).reduce((sum, batch) => sum + world.boxes.points(batch.id).length, 0)
    const before = world.server.points.length
    if (box.phase !== 'ended') await world.walk.finish(box)
    await world.queue.wake()
    await world.settle()
    const points = world.server.points
    assert.equal(new Set(points).size, points.length, `killed at step ${at}: a point came twice`)
    assert.ok(points.length >= walked && points.length <= before + walked, `killed at step ${at}: ${points.length} of ${walked}`)
    assert.deepEqual(world.boxes.all(), [], `killed at step ${at}: something is stuck`)
    assert.deepEqual([...world.disk.files.keys()], [], `killed at step ${at}: files are left`)
  }
  assert.ok(killed > steps - 10)
})

test('whatever a request meets, and whatever answer is lost, all arrives once', async () => {
  let seed = 7
  const chance = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
  const fates: Fate[] = ['ok', 'lost', 'offline', 'timeout', 500, 503, 429, 'lost', 'ok', 'ok']
  for (let round = 0; round < 60; round++) {
    const world = await new World().start()
    world.server.fates = Array.from({ length: 40 }, () => fates[Math.floor(chance() * fates.length)] as Fate)
    const box = await wholePatrol(world)
    await world.settle()
    if (round % 2) await world.restart()
    await world.queue.wake()
    await world.settle()
    everythingArrivedOnce(world, box, 140)
  }
})

test('the token expires and its owner signs out: the grant goes on uploading', async () => {
  const world = await new World().start()
  const box = await world.begin()
  world.go(10)
  await world.settle()
  world.session = undefined
  world.server.sessions.clear()
  world.name = '别人'
  world.go(80)
  await world.walk.finish(box)
  await world.settle()
  assert.ok(world.server.patrols.get(box.id)?.held.finished)
  assert.equal(world.server.points.length, 90)
})

test('a grant that the server no longer knows is replaced by sending the start again', async () => {
  const world = await new World().start()
  const box = await world.begin()
  await world.settle()
  world.server.grants.clear()
  world.go(30)
  await world.walk.finish(box)
  await world.settle()
  assert.equal(world.server.points.length, 30)
  assert.deepEqual(world.boxes.all(), [])
})

test('a dead session is signed in anew for the start', async () => {
  const world = await new World().start()
  world.server.sessions.clear()
  const box = await world.begin()
  await world.settle()
  assert.ok(world.server.patrols.get(box.id)?.held.started)
})

test("the start of one's patrol is never sent by another's sign-in", async () => {
  const world = await new World().start()
  world.server.fates = ['offline', 'offline', 'offline']
  const box = await world.begin()
  await new Promise((resolve) => setImmediate(resolve))
  world.name = '别人'
  world.server.fates = []
  await world.queue.wake()
  await world.settle()
  assert.equal(world.server.patrols.size, 0)
  assert.match(box.words ?? '', /请用李河长的身份登录/)
  world.name = '李河长'
  await world.queue.retry()
  await world.settle()
  assert.equal(world.server.patrols.size, 1)
})

test('too many requests: the wait that the server asks for is kept', async () => {
  const world = await new World().start()
  world.server.fates = [429]
  await world.begin()
  for (let n = 0; n < 30; n++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(world.queue.nextMs - world.clock.ms, 7000)
  await world.queue.flush()
  assert.equal(world.server.requests.length, 1, 'nothing is sent before the time')
  world.clock.move(7000)
  await world.settle()
  assert.equal(world.server.patrols.size, 1)
})

test('without an answer the waits grow to five minutes, and a new signal ends them', async () => {
  const world = await new World().start()
  world.server.fates = Array<Fate>(12).fill('offline')
  await world.begin()
  const waits: number[] = []
  for (let n = 0; n < 12; n++) {
    for (let k = 0; k < 30; k++) await new Promise((resolve) => setImmediate(resolve))
    waits.push(world.queue.nextMs - world.clock.ms)
    world.clock.move(waits.at(-1) ?? 0)
  }
  assert.deepEqual(waits.slice(0, 4), [2000, 4000, 8000, 16_000])
  assert.ok(waits.every((wait) => wait <= 300_000))
  await world.settle()
  assert.equal(world.server.patrols.size, 1)
})

test('one message that the server cannot digest keeps none of the others', async () => {
  const world = await new World().start()
  const box = await world.begin()
  world.go(5)
  const finding = await world.walk.find(box, { ...FINDING, photos: [world.photo()] })
  world.server.always.set(finding.id, new Problem(500, 'error', '系统出了点问题'))
  world.go(100)
  await world.walk.finish(box)
  for (let n = 0; n < 200; n++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(world.server.points.length, 105)
  assert.ok(world.server.patrols.get(box.id)?.held.finished)
  assert.equal(world.boxes.all().length, 1, 'the finding is still here')
  world.server.always.clear()
  await world.settle()
  assert.deepEqual(world.boxes.all(), [])
})

test('what the server refuses for good waits for the chief, in words, and the rest goes on', async () => {
  const world = await new World().start()
  const box = await world.begin()
  const finding = await world.walk.find(box, { ...FINDING, photos: [world.photo()] })
  world.server.always.set(finding.id, new Problem(413, 'too_large', '内容太大，请减少照片或文字后再试。'))
  world.go(10)
  await world.walk.finish(box)
  await world.settle()
  assert.equal(world.server.points.length, 10)
  assert.equal(finding.words, '内容太大，请减少照片或文字后再试。')
  assert.equal(waitingIn(box, world.boxes).stuck, 1)
  await world.restart()
  const [kept] = world.boxes.all()
  const [item] = kept?.items ?? []
  assert.ok(kept && item && kept.items.length === 1)
  await world.walk.discard(kept, item)
  await world.settle()
  assert.deepEqual([...world.disk.files.keys()], [])
})

test('photos that were cleared away on the server meanwhile are uploaded once more', async () => {
  const world = await new World().start()
  const box = await world.begin()
  await world.settle()
  world.server.fates = ['ok', 'ok', 'ok', 'offline'] // the photos went up, what they belong to did not
  await world.walk.find(box, { ...FINDING, photos: [world.photo(), world.photo()], settled: { photos: [world.photo()], done: '' } })
  for (let n = 0; n < 50; n++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(world.server.photos.size, 3)
  world.server.photos.clear()
  await world.restart()
  await world.queue.wake()
  await world.settle()
  assert.equal(world.server.of(box.id).held.findings.length, 1)
})

test('a full phone goes on walking and sending, says so, and writes everything down once there is room', async () => {
  const world = await new World().start()
  world.disk.full = true
  world.server.fates = Array<Fate>(50).fill('offline')
  const box = await world.begin()
  world.go(30)
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(world.boxes.full)
  assert.equal(world.boxes.track(box).length, 30)
  world.disk.full = false
  world.go(1)
  await world.boxes.save(box)
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(!world.boxes.full)
  await world.restart()
  const [kept] = world.boxes.all()
  assert.ok(kept)
  assert.equal(world.boxes.track(kept).length, 31)
})

test('a batch that the server holds with one point more than the phone has left is forgotten all the same', async () => {
  const world = await new World().start()
  world.server.fates = ['ok', 'lost']
  const box = await world.begin()
  world.go(20)
  await world.walk.pause()
  for (let n = 0; n < 60; n++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(world.server.points.length, 20)
  const [file] = [...world.disk.files.keys()].filter((name) => name.startsWith('track-'))
  assert.ok(file)
  world.disk.files.set(file, (world.disk.files.get(file) ?? '').slice(0, -8)) // the last line is torn
  await world.restart()
  const [kept] = world.boxes.all()
  assert.ok(kept)
  await world.walk.finish(kept)
  await world.settle()
  assert.equal(world.server.points.length, 20)
  assert.deepEqual(world.boxes.all(), [])
  assert.equal(world.server.patrols.get(box.id)?.held.finished, true)
})

test('a photo that the server refuses keeps its finding until another is taken', async () => {
  const world = await new World().start()
  const box = await world.begin()
  await world.settle()
  const bad = world.photo()
  world.server.fates = ['ok', 'offline'] // uploaded, but not handed over
  const finding = await world.walk.find(box, { ...FINDING, photos: [bad] })
  for (let n = 0; n < 50; n++) await new Promise((resolve) => setImmediate(resolve))
  world.server.always.set(finding.id, new Problem(422, 'photo_refused', '照片无法识别，请重新拍摄。', { photo: bad.ref?.id }))
  await world.queue.wake()
  await world.settle()
  assert.equal(bad.state, 'refused')
  assert.deepEqual([finding.final, finding.words], [true, '照片无法识别，请重新拍摄。'])
  world.server.always.clear()
  await world.walk.replacePhoto(box, finding, bad, world.photo())
  await world.settle()
  assert.equal(finding.held, true)
  assert.ok(![...world.disk.files.keys()].some((name) => name.endsWith('.jpg')))
})

test('a patrol that the server will not take is kept until its chief gives it up', async () => {
  const world = await new World().start()
  world.server.fates = ['offline']
  const box = await world.begin()
  world.server.always.set(`/${box.id}`, new Problem(403, 'not_your_role', '您没有这个河长身份。'))
  await world.queue.retry()
  await world.settle()
  world.go(20)
  await world.walk.finish(box)
  await world.settle()
  await world.restart()
  const [kept] = world.boxes.all()
  assert.ok(kept?.final)
  assert.equal(kept.words, '您没有这个河长身份。')
  await world.walk.giveUp(kept)
  assert.deepEqual([...world.disk.files.keys()], [])
})
