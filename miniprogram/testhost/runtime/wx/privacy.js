// WeChat's privacy consent: no private call before the user has agreed, and every private call must be declared.
import { call } from './call.js'
import { phone } from '../phone.js'

const AGREED = 'host:privacy-agreed'

/** Raise WeChat's question before a private call; throws as WeChat fails when the user does not agree. */
export async function consented(name) {
  if (phone.privacyAgreed || localStorage.getItem(AGREED)) return
  const answer = await ask(name)
  if (!answer) throw Object.assign(new Error('privacy permission is not authorized'), { errno: 104 })
  localStorage.setItem(AGREED, '1')
  phone.privacyAgreed = true
}

let listener
function ask(name) {
  if (!listener) return Promise.resolve(phone.privacyAnswer)
  return new Promise((resolve) => listener(({ event }) => resolve(event === 'agree'), { referrer: name }))
}

export function privacy(program) {
  return {
    getPrivacySetting: call('getPrivacySetting', () => ({
      needAuthorization: program.app.__usePrivacyCheck__ === true && !phone.privacyAgreed && !localStorage.getItem(AGREED),
      privacyContractName: '《清河用户隐私保护指引》',
    })),
    onNeedPrivacyAuthorization: (heard) => {
      listener = heard
    },
    requirePrivacyAuthorize: call('requirePrivacyAuthorize', () => consented('requirePrivacyAuthorize')),
    openPrivacyContract: call('openPrivacyContract', () => phone.tell('contract')),
  }
}
