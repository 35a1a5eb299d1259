// What the phone says of itself.

export function system() {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const size = () => ({ windowWidth: innerWidth, windowHeight: innerHeight - 44, screenWidth: innerWidth, screenHeight: innerHeight })
  const safeArea = () => ({ top: 0, left: 0, right: innerWidth, bottom: innerHeight, width: innerWidth, height: innerHeight })
  const getWindowInfo = () => ({ ...size(), pixelRatio: devicePixelRatio, statusBarHeight: 0, screenTop: 44, safeArea: safeArea() })
  const getDeviceInfo = () => ({ brand: 'host', model: 'host', system: 'Android 12', platform: 'android', benchmarkLevel: 20 })
  const getAppBaseInfo = () => ({ SDKVersion: '3.8.0', version: '8.0.50', language: 'zh_CN', theme: dark.matches ? 'dark' : 'light', fontSizeSetting: 16, enableDebug: false })
  return {
    getWindowInfo,
    getDeviceInfo,
    getAppBaseInfo,
    getSystemInfoSync: () => ({ ...getWindowInfo(), ...getDeviceInfo(), ...getAppBaseInfo() }),
    getAccountInfoSync: () => ({ miniProgram: { appId: 'wx-host', envVersion: 'develop', version: '' } }),
    getMenuButtonBoundingClientRect: () => ({ width: 87, height: 32, top: 6, bottom: 38, left: innerWidth - 94, right: innerWidth - 7 }),
    onThemeChange: (listener) => dark.addEventListener('change', (event) => listener({ theme: event.matches ? 'dark' : 'light' })),
    nextTick: (body) => Promise.resolve().then(body),
  }
}
