// Photos in a grid: those on the phone (services/photos) or those that the server shows; with `editable`, taken and removed.
import * as platform from '../../platform/index'

interface Shown {
  id: string
  file?: string
  url?: string | null
}

Component({
  options: { styleIsolation: 'isolated' },
  properties: {
    photos: { type: Array, value: [] as Shown[] },
    editable: Boolean,
    max: { type: Number, value: 9 },
  },
  methods: {
    add() {
      this.triggerEvent('add')
    },
    remove(event: WechatMiniprogram.TouchEvent) {
      this.triggerEvent('remove', { index: Number(event.currentTarget.dataset['index']) })
    },
    look(event: WechatMiniprogram.TouchEvent) {
      const photos = this.data.photos as Shown[]
      const urls = photos.map((photo) => photo.file ?? photo.url ?? '').filter(Boolean)
      const chosen = urls[Number(event.currentTarget.dataset['index'])]
      if (chosen) platform.showPhotos(urls, chosen)
    },
  },
})
