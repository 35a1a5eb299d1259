// A report in four taps and a sentence: kind, photo, place, words. Everything typed is kept at once (services/draft).
import * as platform from '../../../platform/index'
import { county, pictureOf, type Category } from '../../../services/county'
import { forgetDraft, keepDraft, missing, readDraft, started, EMPTY, type Draft, type Privacy } from '../../../services/draft'
import { failed, LOADING, READY } from '../../../services/load'
import { add, flush } from '../../../services/outbox'
import { drop, take } from '../../../services/photos'

const WAYS: { code: Privacy; name: string; icon: string; means: string }[] = [
  { code: 'named', name: '实名', icon: 'user-round-check', means: '办理单位看得到您的姓名电话，可以打电话问您。办得最快。' },
  { code: 'confidential', name: '保密', icon: 'shield-check', means: '只有县河长办知道您是谁，乡镇和被举报的人都不知道。' },
  { code: 'anonymous', name: '匿名', icon: 'venetian-mask', means: '不记录您的微信。只给一个回执码，凭它查进展；码丢了就查不到了。' },
]
const REFUSED_PLACE = '没有允许定位也没关系，点这里在地图上标出来'

Component({
  data: {
    page: LOADING,
    categories: [] as (Category & { picture: string })[],
    draft: EMPTY as Draft,
    ways: WAYS,
    hint: '',
    minPhotos: 1,
    maxPhotos: 9,
    textMax: 2000,
    placeWords: '正在定位…',
    placeHint: '点这里可以在地图上改',
    faults: [] as string[],
    busy: false,
  },
  lifetimes: {
    attached() {
      void this.load()
    },
  },
  pageLifetimes: {
    show() {
      if (this.data.page.state !== 'ready') return
      this.setData({ draft: readDraft() }) // the map page has perhaps moved the pin
      this.showPlace()
    },
  },
  methods: {
    async load() {
      this.setData({ page: LOADING })
      try {
        const found = await county()
        const draft = readDraft()
        this.setData({ page: READY, categories: found.categories.map((one) => ({ ...one, picture: pictureOf(one) })), textMax: found.text_max, draft })
        this.showKind()
        this.showPlace()
        if (started(draft)) platform.say('接着上次没写完的')
        if (!draft.place) await this.locate()
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },

    async locate() {
      try {
        const { longitude, latitude, accuracy } = await platform.whereAmI()
        this.change({ place: { longitude, latitude, accuracy, byHand: false } })
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
        this.setData({ placeWords: '还没有位置', placeHint: error.reason === 'denied' || error.reason === 'privacy' ? REFUSED_PLACE : '没有定到位，点这里在地图上标出来' })
        return
      }
      this.showPlace()
    },

    change(part: Partial<Draft>) {
      const draft = { ...this.data.draft, ...part }
      keepDraft(draft)
      this.setData({ draft, faults: [] })
    },

    showKind() {
      const kind = this.data.categories.find((one) => one.code === this.data.draft.category)
      this.setData({ hint: kind?.hint ?? '', minPhotos: kind?.min_photos ?? 1, maxPhotos: kind?.max_photos ?? 9 })
    },

    showPlace() {
      const place = this.data.draft.place
      if (!place) return
      const words = place.byHand ? '位置已在地图上标好' : `已定位，误差约 ${Math.round(place.accuracy ?? 0)} 米`
      this.setData({ placeWords: words, placeHint: '不准？点这里在地图上改' })
    },

    chooseKind(event: WechatMiniprogram.TouchEvent) {
      this.change({ category: String(event.currentTarget.dataset['code']) })
      this.showKind()
    },

    async addPhotos() {
      try {
        const place = this.data.draft.place
        const added = await take(this.data.maxPhotos - this.data.draft.photos.length, place?.byHand ? undefined : place)
        this.change({ photos: [...this.data.draft.photos, ...added] })
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
        if (error.reason === 'denied') await this.offerSettings('没有允许使用相机或相册，无法添加照片。')
        else if (error.reason === 'privacy') platform.say('同意隐私说明后才能添加照片')
        else if (error.reason !== 'cancelled') platform.say('照片没有加上，请再试一次')
      }
    },

    async offerSettings(words: string) {
      if (await platform.ask('需要您的允许', `${words}要去设置里打开吗？`, '去设置')) await platform.openSettings()
    },

    removePhoto(event: WechatMiniprogram.CustomEvent<{ index: number }>) {
      const gone = this.data.draft.photos[event.detail.index]
      if (gone) drop(gone)
      this.change({ photos: this.data.draft.photos.filter((_, n) => n !== event.detail.index) })
    },

    openMap() {
      void platform.go('/packages/resident/place/place')
    },
    typeAddress(event: WechatMiniprogram.Input) {
      this.change({ address: event.detail.value })
    },
    typeText(event: WechatMiniprogram.Input) {
      this.change({ text: event.detail.value })
    },
    typeName(event: WechatMiniprogram.Input) {
      this.change({ contactName: event.detail.value })
    },
    typePhone(event: WechatMiniprogram.Input) {
      this.change({ contactPhone: event.detail.value })
    },
    chooseWay(event: WechatMiniprogram.TouchEvent) {
      this.change({ privacy: event.currentTarget.dataset['code'] as Privacy })
    },
    toggleOfficials() {
      this.change({ accusesOfficials: !this.data.draft.accusesOfficials })
    },

    async submit() {
      if (this.data.busy) return
      const { draft, minPhotos, maxPhotos } = this.data
      const faults = missing(draft, { minPhotos, maxPhotos })
      this.setData({ faults })
      if (faults.length || !draft.place) return
      this.setData({ busy: true })
      const anonymous = draft.privacy === 'anonymous'
      const { longitude, latitude, accuracy } = draft.place
      add(
        {
          category: draft.category,
          text: draft.text.trim(),
          privacy: draft.privacy,
          place: { lon: longitude, lat: latitude, coord_type: 'wgs84', address: draft.address, ...(accuracy ? { accuracy_m: accuracy } : {}) },
          contact_name: anonymous ? '' : draft.contactName,
          contact_phone: anonymous ? '' : draft.contactPhone,
          accuses_officials: draft.accusesOfficials,
        },
        draft.photos,
      )
      forgetDraft()
      void flush()
      await platform.replace('/packages/resident/receipts/receipts?new=1')
    },
  },
})
