// One published problem in a list; a tap opens it.
import * as platform from '../../../platform/index'
import { addressOf, day, type Found } from '../../../services/public'

Component({
  options: { styleIsolation: 'isolated' },
  properties: { problem: { type: Object, value: {} as Found } },
  data: { picture: '', found: '', over: '' },
  observers: {
    problem(problem: Found) {
      if (!problem.number) return
      this.setData({ picture: problem.picture ? addressOf(problem.picture) : '', found: day(problem.found_on), over: problem.closed_on ? day(problem.closed_on) : '' })
    },
  },
  methods: {
    open() {
      void platform.go(`/packages/public/case/case?number=${(this.properties.problem as Found).number}`)
    },
  },
})
