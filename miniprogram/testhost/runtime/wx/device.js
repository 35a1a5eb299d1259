// Battery, vibration, clipboard, calls, codes.
import { call } from './call.js'
import { phone } from '../phone.js'
import { consented } from './privacy.js'

export function device() {
  const battery = () => ({ level: phone.battery, isCharging: phone.charging, isLowPowerModeEnabled: false })
  return {
    getBatteryInfo: call('getBatteryInfo', battery),
    getBatteryInfoSync: battery,
    vibrateShort: call('vibrateShort', () => {}),
    vibrateLong: call('vibrateLong', () => {}),
    setClipboardData: call('setClipboardData', async ({ data }) => {
      await consented('setClipboardData')
      phone.clipboard = data
      phone.tell('clipboard', data)
    }),
    makePhoneCall: call('makePhoneCall', ({ phoneNumber }) => phone.tell('call', phoneNumber)),
    scanCode: call('scanCode', async () => {
      if (!phone.scan) throw new Error('cancel')
      return { result: phone.scan, scanType: 'QR_CODE', charSet: 'UTF-8', path: '' }
    }),
    reportEvent() {},
    getLogManager: () => ({ debug() {}, info() {}, log() {}, warn() {} }),
    getRealtimeLogManager: () => ({ info() {}, warn() {}, error() {}, setFilterMsg() {}, addFilterMsg() {} }),
    getUpdateManager: () => ({ onCheckForUpdate() {}, onUpdateReady() {}, onUpdateFailed() {}, applyUpdate() {} }),
    getAppAuthorizeSetting: () => ({ locationAuthorized: 'authorized', cameraAuthorized: 'authorized', albumAuthorized: 'authorized' }),
    getSystemSetting: () => ({ locationEnabled: true, wifiEnabled: true, bluetoothEnabled: false, deviceOrientation: 'portrait' }),
  }
}
