// What a <map> is given: WeChat's maps are GCJ-02, everything kept is WGS-84.
import type { Point as TrackPoint } from './boxes'
import { toGcj02, type Point } from './coordinates'

export interface MapLine {
  points: Point[]
  color: string
  width: number
  dottedLine?: boolean
}

export interface Marker extends Point {
  id: number
  width: number
  height: number
  title: string
  ariaLabel: string
  label?: { content: string; fontSize: number; padding: number; bgColor: string; color: string; borderRadius: number }
}

const RIVER = '#2f7fd6aa'
const TRACK = '#c8380a'
/** More corners than this make an old phone's map stutter; every so many of a long track are enough to see it. */
const MOST_CORNERS = 400
/** So many corners of a track are one line: when it grows, only its last line is handed over anew. */
const CORNERS = 20

export function river(line: [number, number][]): MapLine {
  return { points: line.map(([longitude, latitude]) => drawn({ longitude, latitude })), color: RIVER, width: 8 }
}

/** A place as a map shows it, to a tenth of a metre: more digits are only more to hand over. */
function drawn(at: Point): Point {
  const { longitude, latitude } = toGcj02(at)
  return { longitude: Math.round(longitude * 1e6) / 1e6, latitude: Math.round(latitude * 1e6) / 1e6 }
}

/** Pieces of places (WGS-84) as lines of a track. */
export function walked(pieces: Point[][]): MapLine[] {
  const every = Math.max(1, Math.ceil(pieces.reduce((sum, piece) => sum + piece.length, 0) / MOST_CORNERS))
  return pieces
    .filter((piece) => piece.length > 1)
    .flatMap((piece) => inParts(piece.filter((_, n) => n % every === 0 || n === piece.length - 1).map(drawn)))
    .map((points) => ({ points, color: TRACK, width: 5 }))
}

/** Parts that follow each other, each beginning where the one before ends. */
function inParts(points: Point[]): Point[][] {
  const parts: Point[][] = []
  for (let n = 0; n < points.length - 1; n += CORNERS) parts.push(points.slice(n, n + CORNERS + 1))
  return parts
}

/** What setData needs so that the lines shown become these: those that differ, or all when there are fewer now. */
export function changedLines(shown: MapLine[], now: MapLine[]): Record<string, MapLine | MapLine[]> {
  if (now.length < shown.length) return { lines: now }
  const changed: Record<string, MapLine> = {}
  now.forEach((line, n) => {
    if (JSON.stringify(line) !== JSON.stringify(shown[n])) changed[`lines[${n}]`] = line
  })
  return changed
}

/** The points of a track as pieces, cut where the phone was away. */
export function piecesOf(track: TrackPoint[]): Point[][] {
  const pieces: Point[][] = []
  for (const [, longitude, latitude, , , , resumed] of track) {
    if (resumed || !pieces.length) pieces.push([])
    pieces[pieces.length - 1]?.push({ longitude, latitude })
  }
  return pieces
}

export function marker(id: number, at: Point, title: string, labelled = false): Marker {
  const label = { content: title, fontSize: 13, padding: 4, bgColor: '#ffffff', color: '#17262a', borderRadius: 6 }
  return { id, ...toGcj02(at), width: 28, height: 36, title, ariaLabel: title, ...(labelled ? { label } : {}) }
}
