// WeChat's question before the first private call. One stands on every page that takes photos or asks for the place.
import * as platform from '../../platform/index'

type Resolve = (answer: { buttonId?: string; event: 'agree' | 'disagree' }) => void
let pending: Resolve | undefined
let onTop: { setData(data: { open: boolean }): void } | undefined

platform.onPrivacyQuestion((resolve) => {
  pending = resolve
  if (onTop) onTop.setData({ open: true })
  else answer({ event: 'disagree' }) // no page that could ask: the private call fails, and its page says so
})

function answer(told: Parameters<Resolve>[0]): void {
  onTop?.setData({ open: false })
  pending?.(told)
  pending = undefined
}

Component({
  options: { styleIsolation: 'isolated' },
  data: { open: false },
  lifetimes: {
    attached() {
      onTop = this
    },
    detached() {
      if (onTop === (this as unknown)) onTop = undefined
    },
  },
  pageLifetimes: {
    show() {
      onTop = this as unknown as typeof onTop
    },
  },
  methods: {
    agree() {
      answer({ buttonId: 'privacy-agree', event: 'agree' })
    },
    refuse() {
      answer({ event: 'disagree' })
    },
    read() {
      platform.openPrivacyContract()
    },
  },
})
