// What the owner of the phone has allowed. The first use of a scope asks; a refusal stays until the settings are opened.
import { call } from './call.js'
import { phone } from '../phone.js'

const KEY = 'host:granted'

function granted() {
  return { ...JSON.parse(localStorage.getItem(KEY) ?? '{}'), ...phone.granted }
}

function remember(scope, answer) {
  phone.granted[scope] = answer
  localStorage.setItem(KEY, JSON.stringify(granted()))
}

/** Ask for a scope when it was never asked for. Throws as WeChat fails when it is refused. */
export async function allowed(scope) {
  const known = granted()[scope]
  const answer = known ?? phone.answers[scope] ?? true
  if (known === undefined) remember(scope, answer)
  if (!answer) throw new Error('auth deny')
}

export const permissions = {
  authorize: call('authorize', ({ scope }) => allowed(scope)),
  getSetting: call('getSetting', () => ({ authSetting: granted(), subscriptionsSetting: { mainSwitch: true } })),
  openSetting: call('openSetting', () => {
    for (const [scope, answer] of Object.entries(phone.settings ?? {})) remember(scope, answer)
    return { authSetting: granted() }
  }),
}
