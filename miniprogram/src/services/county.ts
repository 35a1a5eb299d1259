// What every form needs to know of the county; kept on the phone, so that forms open without signal.
import * as platform from '../platform/index'
import type { components } from './api'
import { send } from './http'

export type County = components['schemas']['CountyOut']
export type Category = County['categories'][number]

const KEY = 'county'

/** The county as last heard of, at once when it is known, else from the server. */
export async function county(): Promise<County> {
  const kept = platform.read<County>(KEY)
  if (kept) {
    void refresh().catch(() => undefined) // the kept one serves; the next start asks again
    return kept
  }
  return refresh()
}

async function refresh(): Promise<County> {
  const found = await send('get', '/api/v1/county', { anonymous: true })
  platform.write(KEY, found)
  return found
}

/** The picture of a category; a county may name another in its configuration. */
const PICTURES: Record<string, { icon: string }> = {
  illegal_discharge: { icon: 'factory' },
  sand_mining: { icon: 'shovel' },
  garbage: { icon: 'trash-2' },
  encroachment: { icon: 'construction' },
  livestock: { icon: 'piggy-bank' },
  black_odor: { icon: 'droplets' },
  floating: { icon: 'waves' },
  facility: { icon: 'wrench' },
  fishing: { icon: 'fish' },
  other: { icon: 'circle-ellipsis' },
}
const OTHERWISE = { icon: 'circle-ellipsis' }

export function pictureOf(category: { code: string; icon: string }): string {
  return category.icon || (PICTURES[category.code] ?? OTHERWISE).icon
}
