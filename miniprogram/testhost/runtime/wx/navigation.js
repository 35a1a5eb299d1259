import { call } from './call.js'

export function navigation(router) {
  const go = (name, how) => call(name, ({ url }) => router.open(url, how))
  return {
    navigateTo: go('navigateTo', 'to'),
    redirectTo: go('redirectTo', 'redirect'),
    reLaunch: go('reLaunch', 'relaunch'),
    switchTab: go('switchTab', 'tab'),
    navigateBack: call('navigateBack', ({ delta = 1 }) => router.back(delta)),
    setNavigationBarTitle: call('setNavigationBarTitle', ({ title }) => router.setTitle(title)),
    setNavigationBarColor: call('setNavigationBarColor', () => {}),
  }
}
