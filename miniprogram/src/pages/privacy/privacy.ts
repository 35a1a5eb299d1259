import * as platform from '../../platform/index'

Component({
  methods: {
    contract() {
      platform.openPrivacyContract()
    },
  },
})
