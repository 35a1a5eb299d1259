import * as platform from '../../platform/index'
import { county } from '../../services/county'
import { onOutbox, waiting, type Waiting } from '../../services/outbox'

let stop: (() => void) | undefined

Component({
  data: { countyName: '清河', hotline: '', waiting: [] as Waiting[] },
  lifetimes: {
    attached() {
      stop = onOutbox(() => this.showWaiting())
    },
    detached() {
      stop?.()
    },
  },
  pageLifetimes: {
    show() {
      this.showWaiting()
      void this.showCounty()
    },
  },
  methods: {
    showWaiting() {
      this.setData({ waiting: waiting() })
    },
    async showCounty() {
      try {
        const { name, hotline } = await county()
        this.setData({ countyName: `${name} · 清河`, hotline })
      } catch {
        // Without signal on the very first start the page serves all the same: reports can be written.
      }
    },
    report() {
      void platform.go('/packages/resident/report/report')
    },
    mine() {
      void platform.go('/packages/resident/mine/mine')
    },
    openReceipts() {
      void platform.go('/packages/resident/receipts/receipts')
    },
    found() {
      void platform.go('/packages/public/list/list')
    },
    boards() {
      void platform.go('/packages/public/reaches/reaches')
    },
    me() {
      void platform.go('/pages/me/me')
    },
    call() {
      void platform.call(this.data.hotline)
    },
  },
})
