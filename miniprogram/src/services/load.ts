// What a page shows while it asks, and when asking failed: the states of components/page-state.
import { unreachable } from './http'

export interface PageState {
  state: 'loading' | 'ready' | 'empty' | 'error' | 'offline'
  words: string
}

export const LOADING: PageState = { state: 'loading', words: '' }
export const READY: PageState = { state: 'ready', words: '' }

export function failed(error: unknown): PageState {
  const problem = unreachable(error)
  return { state: problem.status === 0 ? 'offline' : 'error', words: problem.title }
}
