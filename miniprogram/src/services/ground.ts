// The reaches that a chief walks, their checkpoints and what makes a patrol valid; kept on the phone, because a river
// bank has no signal.
import * as platform from '../platform/index'
import { signedIn } from './auth'
import { send, type Result } from './http'

export type Ground = Result<'/api/v1/patrols/ground', 'get'>
export type Reach = Ground['reaches'][number]
export type Needed = NonNullable<Ground['roles'][number]['reaches'][number]['needed']>

const KEY = 'ground'
export const CHIEFS = new Set(['county_chief', 'township_chief', 'village_chief', 'patroller', 'inspector'])

/** As last heard of; undefined on a phone that has never asked. */
export function knownGround(): Ground | undefined {
  return platform.read<Ground>(KEY)
}

/** From the server; kept for the next time. Throws Problem. */
export async function askGround(): Promise<Ground> {
  await signedIn()
  const found = await send('get', '/api/v1/patrols/ground')
  platform.write(KEY, found)
  return found
}

/** The newest that can be had: from the server, without signal the kept one. */
export async function ground(): Promise<Ground> {
  try {
    return await askGround()
  } catch (error) {
    const kept = knownGround()
    if (kept) return kept
    throw error
  }
}

export function reachesNamed(codes: string[]): Reach[] {
  const known = knownGround()?.reaches ?? []
  return codes.flatMap((code) => known.filter((reach) => reach.code === code))
}

/** What a patrol of this role on these reaches must reach; undefined where nothing is asked. */
export function neededFor(role: string, unit: string, codes: string[]): Needed | undefined {
  const held = knownGround()?.roles.find((one) => one.role === role && one.unit === unit)
  return held?.reaches.find((one) => codes.includes(one.reach) && one.needed)?.needed ?? undefined
}

export interface Shown {
  minutes: number
  metres: number
  coverage: Record<string, number>
}

/** What is still lacking for a valid patrol, as 9 分钟, 76 米; empty when all is reached. */
export function lacking(needed: Needed | undefined, walked: Shown, settled: boolean): string[] {
  if (!needed || (needed.settled_counts && settled)) return []
  const words: string[] = []
  if (walked.minutes < needed.min_minutes) words.push(`${Math.ceil(needed.min_minutes - walked.minutes)} 分钟`)
  if (walked.metres < needed.min_metres) words.push(`${Math.ceil(needed.min_metres - walked.metres)} 米`)
  const least = Math.min(1, ...Object.values(walked.coverage))
  if (least < needed.min_coverage) words.push(`河段的 ${Math.ceil((needed.min_coverage - least) * 100)}%`)
  return words
}
