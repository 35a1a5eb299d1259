// WGS-84 (GPS, our server) ↔ GCJ-02 (WeChat's maps), the published approximation; degrees.
// Same formulas as backend/geo.py; tests/unit/coordinates.test.ts holds points of both against each other.

export interface Point {
  longitude: number
  latitude: number
}

const A = 6378245.0
const EE = 0.00669342162296594323
const CLOSE_DEG = 1e-9

export function toGcj02({ longitude, latitude }: Point): Point {
  if (outsideChina(longitude, latitude)) return { longitude, latitude }
  const [dLon, dLat] = shift(longitude, latitude)
  return { longitude: longitude + dLon, latitude: latitude + dLat }
}

/** The inverse by iteration: within a millimetre after a few rounds. */
export function toWgs84({ longitude, latitude }: Point): Point {
  let guess = { longitude, latitude }
  for (let round = 0; round < 10; round++) {
    const there = toGcj02(guess)
    const dLon = there.longitude - longitude
    const dLat = there.latitude - latitude
    guess = { longitude: guess.longitude - dLon, latitude: guess.latitude - dLat }
    if (Math.abs(dLon) < CLOSE_DEG && Math.abs(dLat) < CLOSE_DEG) break
  }
  return guess
}

function outsideChina(longitude: number, latitude: number): boolean {
  return longitude < 72.004 || longitude > 137.8347 || latitude < 0.8293 || latitude > 55.8271
}

function shift(longitude: number, latitude: number): [number, number] {
  const x = longitude - 105
  const y = latitude - 35
  const radians = (latitude / 180) * Math.PI
  const magic = 1 - EE * Math.sin(radians) ** 2
  const root = Math.sqrt(magic)
  const dLat = (latitudeTerm(x, y) * 180) / (((A * (1 - EE)) / (magic * root)) * Math.PI)
  const dLon = (longitudeTerm(x, y) * 180) / ((A / root) * Math.cos(radians) * Math.PI)
  return [dLon, dLat]
}

const wave = (value: number, a: number, b: number, c: number, d: number, e: number) =>
  ((a * Math.sin(c * value * Math.PI) + b * Math.sin(d * value * Math.PI)) * 2) / 3 + e

function latitudeTerm(x: number, y: number): number {
  let sum = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x))
  sum += wave(x, 20, 20, 6, 2, 0) + wave(y, 20, 40, 1, 1 / 3, 0) + wave(y, 160, 320, 1 / 12, 1 / 30, 0)
  return sum
}

function longitudeTerm(x: number, y: number): number {
  let sum = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x))
  sum += wave(x, 20, 20, 6, 2, 0) + wave(x, 20, 40, 1, 1 / 3, 0) + wave(x, 150, 300, 1 / 12, 1 / 30, 0)
  return sum
}

/** Metres between two points, on a sphere: for what is shown while walking, never for a verdict. */
export function metresBetween(a: Point, b: Point): number {
  const rad = Math.PI / 180
  const dLat = (b.latitude - a.latitude) * rad
  const dLon = (b.longitude - a.longitude) * rad
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * Math.sin(dLon / 2) ** 2
  return 2 * 6371008.8 * Math.asin(Math.sqrt(h))
}
