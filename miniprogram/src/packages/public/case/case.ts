// One published problem: where, what it looked like before and after, what was done, day by day.
import * as platform from '../../../platform/index'
import { toGcj02 } from '../../../services/coordinates'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import { addressOf, day, problem, type Problem } from '../../../services/public'

type Photo = { id: string; url: string; thumbnail_url: string }

Component({
  properties: { number: String },
  data: {
    page: LOADING as PageState,
    problem: null as Problem | null,
    before: [] as Photo[],
    after: [] as Photo[],
    steps: [] as { words: string; when: string }[],
    place: { latitude: 0, longitude: 0 },
    markers: [] as { id: number; latitude: number; longitude: number; ariaLabel: string; width: number; height: number }[],
  },
  lifetimes: {
    attached() {
      void this.load()
    },
  },
  methods: {
    async load() {
      this.setData({ page: LOADING })
      try {
        const found = await problem(this.properties.number)
        const shown = found.photos.map((photo) => ({ id: photo.path, url: addressOf(photo.path), thumbnail_url: addressOf(photo.thumbnail_path), after: photo.after }))
        const place = toGcj02({ latitude: found.lat, longitude: found.lon })
        this.setData({
          page: READY,
          problem: found,
          before: shown.filter((photo) => !photo.after),
          after: shown.filter((photo) => photo.after),
          steps: [...found.steps].reverse().map((step) => ({ words: step.words, when: day(step.on) })),
          place,
          markers: [{ id: 0, ...place, ariaLabel: found.where, width: 24, height: 34 }],
        })
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },
    openMap() {
      const { problem: shown, place } = this.data
      if (shown) void platform.showPlace({ ...place, name: shown.where })
    },
    report() {
      void platform.go('/packages/resident/report/report')
    },
  },
})
