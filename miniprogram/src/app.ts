import { flush } from './services/outbox'
import { flushPatrols } from './services/patrolling'
import { onNetwork } from './platform/index'

App({
  onLaunch() {
    // What was written without signal goes out as soon as there is some, wherever the user is then.
    onNetwork((online) => {
      if (!online) return
      void flush()
      void flushPatrols(true)
    })
  },
  onShow() {
    void flush()
    void flushPatrols()
  },
})
