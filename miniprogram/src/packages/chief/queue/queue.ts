// What is not sent yet, in plain words: how much of what, what is the matter, and what can be done about it.
import * as platform from '../../../platform/index'
import { photosOfItem, type Box, type Item } from '../../../services/boxes'
import * as patrolling from '../../../services/patrolling'
import { when } from '../../../services/words'

const KINDS = { shot: '照片', finding: '发现的问题', visit: '打卡' }
let stop: (() => void) | undefined

function shown(box: Box) {
  const { points, photos, findings, visits, total, words } = patrolling.counts(box)
  return {
    id: box.id,
    where: box.start.reaches.map((code) => box.names[code] ?? code).join('、'),
    when: when(box.start.started_at),
    phase: box.phase === 'ended' ? '' : box.phase === 'paused' ? '暂停中' : '巡河中',
    total,
    parts: [
      { n: points, words: '个轨迹点' },
      { n: photos, words: '张照片' },
      { n: findings, words: '个问题' },
      { n: visits, words: '次打卡' },
      { n: words, words: box.started ? '条结束信息' : '条开始、结束信息' },
    ].filter((part) => part.n),
    words: box.final ? (box.words ?? '') : '',
    hopeless: box.phase === 'ended' && (box.final || box.batches.some((batch) => batch.final && !batch.held)),
    stuck: [
      ...box.items
        .filter((item) => item.final && !item.held)
        .map((item) => ({ id: item.id, title: title(item), words: item.words ?? '', bad: photosOfItem(item).some((photo) => photo.state === 'refused') })),
      ...box.batches
        .filter((batch) => batch.final && !batch.held)
        .map((batch) => ({ id: '', title: '一段轨迹', words: batch.words ?? '', bad: false })),
    ],
  }
}

function title(item: Item): string {
  return item.kind === 'finding' ? `${KINDS.finding}：${item.categoryName}` : item.kind === 'visit' ? `${KINDS.visit}：${item.name}` : KINDS.shot
}

Component({
  data: { boxes: [] as ReturnType<typeof shown>[], sending: false, way: '', online: true, ready: false },
  lifetimes: {
    attached() {
      stop = patrolling.onPatrol(() => this.show())
      void this.load()
    },
    detached() {
      stop?.()
    },
  },
  methods: {
    async load() {
      await patrolling.ready()
      this.setData({ ready: true, online: await platform.online() })
      this.show()
      void patrolling.flushPatrols()
    },
    show() {
      const boxes = patrolling.kept().map(shown).filter((box) => box.total)
      this.setData({ boxes, sending: patrolling.sending(), way: patrolling.wayWords() })
    },
    async retry() {
      this.setData({ online: await platform.online() })
      await patrolling.retry()
      this.setData({ online: await platform.online() })
      this.show()
      if (this.data.boxes.length) platform.say(this.data.way || '还有没发出去的，请看说明')
      else platform.say('都发出去了', 'success')
    },
    found(event: WechatMiniprogram.TouchEvent): { box: Box; item: Item } | undefined {
      const { box: boxId, item: itemId } = event.currentTarget.dataset as { box: string; item: string }
      const box = patrolling.box(boxId)
      const item = box?.items.find((one) => one.id === itemId)
      return box && item && { box, item }
    },
    async discard(event: WechatMiniprogram.TouchEvent) {
      const found = this.found(event)
      if (!found || !(await platform.ask('不发了？', `这${found.item.kind === 'finding' ? '个问题' : '一项'}会从手机里删掉，不会上报。`, '删掉', '留着'))) return
      await patrolling.discard(found.box, found.item)
      this.show()
    },
    async giveUp(event: WechatMiniprogram.TouchEvent) {
      const box = patrolling.box(String(event.currentTarget.dataset['box']))
      const words = '没发出去的轨迹、照片和问题都会从手机里删掉，找不回来。拿不准的，先打电话问县河长办。'
      if (box && (await platform.ask('删掉这次巡河？', words, '删掉', '留着'))) await patrolling.giveUp(box)
      this.show()
    },
    /** Another photo for one that cannot be used. */
    async again(event: WechatMiniprogram.TouchEvent) {
      const found = this.found(event)
      const bad = found && photosOfItem(found.item).find((photo) => photo.state === 'refused')
      if (!found || !bad) return
      try {
        const [good] = await patrolling.takePhotos(found.box, 1)
        if (good) await patrolling.replacePhoto(found.box, found.item, bad, good)
      } catch (error) {
        if (!(error instanceof platform.Refused)) throw error
        if (error.reason !== 'cancelled') platform.say('照片没有拍上，请再试一次')
      }
      this.show()
    },
    duties() {
      void platform.replace('/packages/chief/duties/duties')
    },
  },
})
