// What a <button open-type="…"> asks of WeChat.
import { phone } from '../phone.js'
import { consented } from './privacy.js'
import { standIn } from './stand-in.js'

export const openTypes = {
  async getPhoneNumber(button) {
    try {
      await consented('getPhoneNumber')
      const { code } = await standIn('phone', { user: phone.user, phone: phone.number })
      button.triggerEvent('getphonenumber', { errMsg: 'getPhoneNumber:ok', code })
    } catch (error) {
      button.triggerEvent('getphonenumber', { errMsg: `getPhoneNumber:fail ${error.message}` })
    }
  },
  agreePrivacyAuthorization(button) {
    phone.privacyAgreed = true
    phone.tell('privacy', true)
    button.triggerEvent('agreeprivacyauthorization', {})
  },
  share: () => phone.tell('share'),
  contact: () => phone.tell('contact'),
  openSetting: () => window.wx.openSetting({}),
}
