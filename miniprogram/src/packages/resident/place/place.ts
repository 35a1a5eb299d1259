// The pin set by hand: WeChat's map is GCJ-02, what is kept is WGS-84.
import * as platform from '../../../platform/index'
import { toGcj02, toWgs84, type Point } from '../../../services/coordinates'
import { keepDraft, readDraft } from '../../../services/draft'
import { county } from '../../../services/county'

Component({
  data: { latitude: 0, longitude: 0, scale: 16, located: false, words: '' },
  lifetimes: {
    attached() {
      void this.begin()
    },
  },
  methods: {
    async begin() {
      const { place } = readDraft()
      if (place) this.show(place)
      else await this.locate()
    },

    show(place: Point) {
      const { longitude, latitude } = toGcj02(place)
      this.setData({ longitude, latitude })
    },

    async locate() {
      try {
        const fix = await platform.whereAmI()
        this.show(fix)
        this.setData({ located: true, words: '' })
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
        this.setData({ words: '没有定到位，请拖动地图找到那个地方' })
        if (!this.data.latitude) this.show(await middle())
      }
    },

    moved(event: WechatMiniprogram.CustomEvent) {
      const { type, causedBy, detail } = event as unknown as { type: string; causedBy?: string; detail: { type?: string; centerLocation?: Point; causedBy?: string } }
      const ended = (detail.type ?? type) === 'end' && (detail.causedBy ?? causedBy) !== 'update'
      if (ended && detail.centerLocation) this.setData(detail.centerLocation)
    },

    tapped(event: WechatMiniprogram.CustomEvent<Point>) {
      const { longitude, latitude } = event.detail
      this.setData({ longitude, latitude })
    },

    async confirm() {
      const { longitude, latitude } = toWgs84({ longitude: this.data.longitude, latitude: this.data.latitude })
      keepDraft({ ...readDraft(), place: { longitude, latitude, byHand: true } })
      await platform.back()
    },
  },
})

/** The middle of the county, for a phone that tells no place. */
async function middle(): Promise<Point> {
  const { centre } = await county()
  return { longitude: centre[0] ?? 0, latitude: centre[1] ?? 0 }
}
