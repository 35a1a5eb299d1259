import assert from 'node:assert/strict'
import test from 'node:test'
import { metresBetween, toGcj02, toWgs84 } from '../../src/services/coordinates'

test('a point goes to the map and back within a centimetre', () => {
  for (const point of [
    { longitude: 102.719296, latitude: 25.205209 },
    { longitude: 121.4737, latitude: 31.2304 },
    { longitude: 87.6168, latitude: 43.8256 },
  ]) {
    const there = toGcj02(point)
    assert.ok(metresBetween(point, there) > 100 && metresBetween(point, there) < 900)
    assert.ok(metresBetween(point, toWgs84(there)) < 0.01)
  }
})

test('outside China nothing is shifted', () => {
  const tokyo = { longitude: 139.69, latitude: 35.68 }
  assert.deepEqual(toGcj02(tokyo), tokyo)
})

test('the same points as tests/test_geo.py: both ends of the wire shift alike', () => {
  for (const [lon, lat, gcjLon, gcjLat] of [
    [116.377817, 39.911954, 116.38404722455657, 39.91334545536069],
    [116.404, 39.915, 116.41024449916938, 39.91640428150164],
  ] as const) {
    const shifted = toGcj02({ longitude: lon, latitude: lat })
    assert.ok(metresBetween(shifted, { longitude: gcjLon, latitude: gcjLat }) < 0.01)
  }
})
