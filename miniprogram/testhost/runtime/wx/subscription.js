// The consent sheet for subscription messages. The stand-in counts what was accepted, as WeChat does.
import { call } from './call.js'
import { phone } from '../phone.js'
import { standIn } from './stand-in.js'

export function subscription() {
  return {
    requestSubscribeMessage: call('requestSubscribeMessage', async ({ tmplIds }) => {
      if (tmplIds.length > 3) throw new Error('Templates count out of max bounds')
      if (phone.subscription === 'accept') {
        for (const template of tmplIds) await standIn('consent', { user: phone.user, template_id: template })
      }
      return Object.fromEntries(tmplIds.map((template) => [template, phone.subscription]))
    }),
  }
}
