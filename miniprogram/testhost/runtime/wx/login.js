import { call } from './call.js'
import { phone } from '../phone.js'
import { standIn } from './stand-in.js'

export function login() {
  return {
    login: call('login', async () => {
      if (!phone.online) throw new Error('network is unreachable, offline')
      return { code: (await standIn('login', { user: phone.user })).code }
    }),
    checkSession: call('checkSession', () => {}),
  }
}
