// A finding in three taps: kind, photo, send. What was settled on the spot has photos of before and after. Everything
// is kept at every change: a call or a dead battery loses nothing.
import * as platform from '../../../platform/index'
import { county, pictureOf, type Category } from '../../../services/county'
import { findingDraft, forgetFinding, keepFinding, type FindingDraft } from '../../../services/finding'
import { failed, LOADING, READY, type PageState } from '../../../services/load'
import * as patrolling from '../../../services/patrolling'
import { drop, type Photo } from '../../../services/photos'

Component({
  properties: { id: String },
  data: {
    page: LOADING as PageState,
    practice: false,
    categories: [] as (Category & { picture: string })[],
    draft: findingDraft(''),
    hint: '',
    minPhotos: 1,
    maxPhotos: 9,
    faults: [] as string[],
    busy: false,
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
        await patrolling.ready()
        const { categories } = await county()
        this.setData({
          page: READY,
          practice: patrolling.box(this.properties.id)?.start.practice ?? false,
          categories: categories.map((one) => ({ ...one, picture: pictureOf(one) })),
          draft: findingDraft(this.properties.id),
        })
        this.showKind()
      } catch (error) {
        this.setData({ page: failed(error) })
      }
    },

    change(part: Partial<FindingDraft>) {
      const draft = { ...this.data.draft, ...part }
      keepFinding(draft)
      this.setData({ draft, faults: [] })
    },
    showKind() {
      const kind = this.data.categories.find((one) => one.code === this.data.draft.category)
      this.setData({ hint: kind?.hint ?? '', minPhotos: Math.max(1, kind?.min_photos ?? 1), maxPhotos: kind?.max_photos ?? 9 })
    },
    chooseKind(event: WechatMiniprogram.TouchEvent) {
      this.change({ category: String(event.currentTarget.dataset['code']) })
      this.showKind()
    },
    toggleSettled() {
      this.change({ settled: !this.data.draft.settled })
    },
    typeText(event: WechatMiniprogram.Input) {
      this.change({ text: event.detail.value })
    },
    typeDone(event: WechatMiniprogram.Input) {
      this.change({ done: event.detail.value })
    },

    async addBefore() {
      this.change({ photos: [...this.data.draft.photos, ...(await this.take(this.data.draft.photos.length))] })
    },
    async addAfter() {
      this.change({ after: [...this.data.draft.after, ...(await this.take(this.data.draft.after.length))] })
    },
    async take(there: number): Promise<Photo[]> {
      const box = patrolling.box(this.properties.id)
      if (!box) return []
      try {
        return await patrolling.takePhotos(box, this.data.maxPhotos - there)
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
        if (error.reason === 'denied' && (await platform.ask('需要您的允许', '没有允许使用相机，拍不了照片。要去设置里打开吗？', '去设置'))) await platform.openSettings()
        else if (error.reason === 'full') platform.say('手机存储满了，照片没有存下。请删掉一些东西再拍。')
        else if (error.reason !== 'cancelled' && error.reason !== 'denied') platform.say('照片没有加上，请再试一次')
        return []
      }
    },
    removeBefore(event: WechatMiniprogram.CustomEvent<{ index: number }>) {
      this.change({ photos: without(this.data.draft.photos, event.detail.index) })
    },
    removeAfter(event: WechatMiniprogram.CustomEvent<{ index: number }>) {
      this.change({ after: without(this.data.draft.after, event.detail.index) })
    },

    missing(): string[] {
      const { category, photos, settled, after } = this.data.draft
      const words: string[] = []
      if (!category) words.push('请先选是什么问题。')
      if (photos.length < this.data.minPhotos) words.push(`至少要 ${this.data.minPhotos} 张照片${settled ? '（处理前）' : ''}。`)
      if (settled && !after.length) words.push('现场处理好了的，还要一张处理后的照片。')
      return words
    },

    async submit() {
      const box = patrolling.box(this.properties.id)
      if (!box || this.data.busy) return
      const faults = this.missing()
      this.setData({ faults })
      if (faults.length) return
      this.setData({ busy: true })
      try {
        const place = await this.place(box)
        if (!place) return
        const { category, text, photos, settled, after, done } = this.data.draft
        await patrolling.find(box, {
          category,
          categoryName: this.data.categories.find((one) => one.code === category)?.name ?? category,
          text: text.trim(),
          place,
          photos,
          ...(settled ? { settled: { photos: after, done: done.trim() } } : {}),
        })
        forgetFinding()
        platform.say(this.data.practice ? '练习：没有真的上报' : '记下了，会自动上报', 'success')
        await platform.back()
      } finally {
        this.setData({ busy: false })
      }
    },

    /** Where the chief stands: the last place of the track, else asked for now. */
    async place(box: NonNullable<ReturnType<typeof patrolling.box>>) {
      const last = patrolling.lastPlace(box)
      if (last && Date.now() - last.at < 120_000) return { longitude: last.longitude, latitude: last.latitude, accuracy: last.accuracy }
      try {
        const { longitude, latitude, accuracy } = await platform.whereAmI()
        return { longitude, latitude, accuracy }
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
        if (last) return { longitude: last.longitude, latitude: last.latitude, accuracy: last.accuracy }
        this.setData({ faults: ['还没有定到位，不知道问题在哪里。请到空旷的地方等一会儿再报。'] })
        return undefined
      }
    },
  },
})

function without(photos: Photo[], index: number): Photo[] {
  const gone = photos[index]
  if (gone) drop(gone)
  return photos.filter((photo) => photo !== gone)
}
