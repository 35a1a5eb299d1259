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

export function river(line: [number, number][]): MapLine {
  return { points: line.map(([longitude, latitude]) => toGcj02({ longitude, latitude })), color: RIVER, width: 8 }
}

/** Pieces of places (WGS-84) as lines of a track. */
export function walked(pieces: Point[][]): MapLine[] {
  const every = Math.max(1, Math.ceil(pieces.reduce((sum, piece) => sum + piece.length, 0) / MOST_CORNERS))
  return pieces
    .filter((piece) => piece.length > 1)
    .map((piece) => ({
      points: piece.filter((_, n) => n % every === 0 || n === piece.length - 1).map(toGcj02),
      color: TRACK,
      width: 5,
    }))
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
