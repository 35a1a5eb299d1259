import * as platform from '../../platform/index'
import { county } from '../../services/county'
import { CHIEFS } from '../../services/ground'
import { current, onPatrol, ready, unsent } from '../../services/patrolling'
import { current as session } from '../../services/session'
import { onOutbox, waiting, type Waiting } from '../../services/outbox'

const OFFICIALS = new Set(['office', 'head', 'handler', 'inspector', 'county_chief'])
let stop: (() => void) | undefined
let stopPatrol: (() => void) | undefined

Component({
  data: { countyName: '清河', hotline: '', waiting: [] as Waiting[], chief: null as { going: boolean; unsent: number } | null, official: false },
  lifetimes: {
    attached() {
      stop = onOutbox(() => this.showWaiting())
      stopPatrol = onPatrol(() => void this.showChief())
    },
    detached() {
      stop?.()
      stopPatrol?.()
    },
  },
  pageLifetimes: {
    show() {
      this.showWaiting()
      this.setData({ official: OFFICIALS.has(session()?.role ?? '') })
      void this.showChief()
      void this.showCounty()
    },
  },
  methods: {
    showWaiting() {
      this.setData({ waiting: waiting() })
    },
    /** The way to the river for a chief, and for whoever has a patrol on this phone. */
    async showChief() {
      await ready()
      const { total } = unsent()
      const going = current() !== undefined
      this.setData({ chief: CHIEFS.has(session()?.role ?? '') || going || total ? { going, unsent: total } : null })
    },
    handle() {
      void platform.go('/packages/official/inbox/inbox')
    },
    patrol() {
      void platform.go('/packages/chief/duties/duties')
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
