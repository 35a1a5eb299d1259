import { flush } from './services/outbox'
import { onNetwork } from './platform/index'

App({
  onLaunch() {
    // What was written without signal goes out as soon as there is some, wherever the user is then.
    onNetwork((online) => {
      if (online) void flush()
    })
  },
  onShow() {
    void flush()
  },
})
