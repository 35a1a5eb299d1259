// The only file that calls `wx`: what the pages need of WeChat, as promises with plain results.
// Failures are `Refused`, whose `reason` tells the callers what they can do about it.

export type Reason = 'denied' | 'cancelled' | 'offline' | 'timeout' | 'unsupported' | 'privacy' | 'full' | 'other'

export class Refused extends Error {
  constructor(
    readonly reason: Reason,
    readonly detail: string,
  ) {
    super(`${reason}: ${detail}`)
  }
}

export interface Answer {
  status: number
  body: unknown
  headers: Record<string, string>
}

export interface Fix {
  latitude: number
  longitude: number
  accuracy: number
  speed: number
  altitude: number
}

export interface PickedPhoto {
  path: string
  size: number
}

/** Bring the failure of any wx call to one of our reasons. */
export function refusal(failure: { errMsg?: string; errno?: number }): Refused {
  const text = failure.errMsg ?? ''
  if (/storage limit|size limit|no space|ENOSPC/i.test(text)) return new Refused('full', text)
  if (/privacy|scope is not declared/i.test(text)) return new Refused('privacy', text)
  if (/auth|deny|denied|unauthorized|permission/i.test(text)) return new Refused('denied', text)
  if (/cancel/i.test(text)) return new Refused('cancelled', text)
  if (/time ?out/i.test(text)) return new Refused('timeout', text)
  if (/not support|no such|unsupported/i.test(text)) return new Refused('unsupported', text)
  if (/fail (?:.*(?:network|connect|interrupted|offline|abort|ERR_|socket|dns|fetch))/i.test(text)) return new Refused('offline', text)
  return new Refused('other', text)
}

const refuse = (failure: { errMsg?: string }): never => {
  throw refusal(failure)
}

// Network

export interface Request {
  url: string
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH'
  body?: unknown
  headers?: Record<string, string>
  timeoutMs?: number
}

/** One HTTP request. Resolves with whatever status came; rejects with Refused when no answer came. */
export function request({ url, method, body, headers = {}, timeoutMs = 15_000 }: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    wx.request({
      url,
      method: method as 'GET',
      ...(body === undefined ? {} : { data: JSON.stringify(body) }),
      header: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
      timeout: timeoutMs,
      success: ({ statusCode, data, header }) => resolve({ status: statusCode, body: data, headers: header as Record<string, string> }),
      fail: (failure) => reject(refusal(failure)),
    })
  })
}

export interface Upload {
  url: string
  path: string
  fields: Record<string, string>
  onProgress?: (percent: number) => void
  timeoutMs?: number
}

/** Post a file as the last field, `file`, of a form. */
export function uploadFile({ url, path, fields, onProgress, timeoutMs = 120_000 }: Upload): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const task = wx.uploadFile({
      url,
      filePath: path,
      name: 'file',
      formData: fields,
      timeout: timeoutMs,
      success: ({ statusCode, data }) => resolve({ status: statusCode, body: data, headers: {} }),
      fail: (failure) => reject(refusal(failure)),
    })
    if (onProgress) task.onProgressUpdate(({ progress }) => onProgress(progress))
  })
}

export async function online(): Promise<boolean> {
  const { networkType } = await wx.getNetworkType()
  return networkType !== 'none'
}

export function onNetwork(listener: (online: boolean) => void): () => void {
  const heard = ({ isConnected }: { isConnected: boolean }) => listener(isConnected)
  wx.onNetworkStatusChange(heard)
  return () => wx.offNetworkStatusChange(heard as never) // the typings forget the listener's argument
}

// Storage: small things by key, and files that outlive the app

export function read<T>(key: string): T | undefined {
  const kept: unknown = wx.getStorageSync(key)
  return kept === '' || kept === undefined ? undefined : (kept as T)
}

export function write(key: string, value: unknown): void {
  wx.setStorageSync(key, value)
}

export function forget(key: string): void {
  wx.removeStorageSync(key)
}

// WeChat itself

export async function loginCode(): Promise<string> {
  const { code } = await wx.login().catch(refuse)
  return code
}

export function randomId(): string {
  // RFC 9562 version 4; Math.random is enough for an id that nobody has to guess at.
  return 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, (sign) => {
    const digit = Math.floor(Math.random() * 16)
    return (sign === 'x' ? digit : (digit & 3) | 8).toString(16)
  })
}

// Navigation and words

export async function go(url: string): Promise<void> {
  await wx.navigateTo({ url }).catch(refuse)
}

export async function replace(url: string): Promise<void> {
  await wx.redirectTo({ url }).catch(refuse)
}

export async function restart(url: string): Promise<void> {
  await wx.reLaunch({ url }).catch(refuse)
}

export async function back(): Promise<void> {
  await wx.navigateBack({}).catch(refuse)
}

export function say(words: string, icon: 'success' | 'none' = 'none'): void {
  void wx.showToast({ title: words, icon, duration: 2500 })
}

/** Ask yes or no; true for yes. */
export async function ask(title: string, content: string, yes = '确定', no = '取消'): Promise<boolean> {
  const { confirm } = await wx.showModal({ title, content, confirmText: yes, cancelText: no })
  return confirm
}

export async function copy(text: string): Promise<void> {
  await wx.setClipboardData({ data: text }).catch(refuse)
}

export async function call(number: string): Promise<void> {
  await wx.makePhoneCall({ phoneNumber: number }).catch((failure: { errMsg?: string }) => {
    const refused = refusal(failure)
    if (refused.reason !== 'cancelled') throw refused // closing the dialler is no fault
  })
}

/** Scan a code with the camera. Resolves with what it carries: its text, or the path of a mini-program code. */
export async function scan(): Promise<string> {
  const { result, path } = (await wx.scanCode({}).catch(refuse)) as { result: string; path?: string }
  return path || result
}

// Photos and files

export async function pickPhotos(count: number, cameraOnly = false): Promise<PickedPhoto[]> {
  const { tempFiles } = await wx
    .chooseMedia({ count, mediaType: ['image'], sourceType: cameraOnly ? ['camera'] : ['camera', 'album'], sizeType: ['compressed'] })
    .catch(refuse)
  return tempFiles.map(({ tempFilePath, size }) => ({ path: tempFilePath, size }))
}

/** Move a temporary file to where it outlives the app. Resolves with its new path. */
export function keepFile(path: string, name: string): Promise<string> {
  const target = `${wx.env.USER_DATA_PATH}/${name}`
  return new Promise((resolve, reject) => {
    wx.getFileSystemManager().saveFile({
      tempFilePath: path,
      filePath: target,
      success: () => resolve(target),
      fail: (failure) => reject(refusal(failure)),
    })
  })
}

/** Remove a kept file; one that is gone already is no fault. */
export function dropFile(path: string): void {
  wx.getFileSystemManager().unlink({ filePath: path })
}

/** Whether a file that was kept is still there: a full phone's cleaner takes what it likes. */
export function fileThere(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    wx.getFileSystemManager().access({ path, success: () => resolve(true), fail: () => resolve(false) })
  })
}

/** Files of the mini program's own folder: they outlive the app, the phone's restart, and weeks without signal. */
export const disk = {
  async list(): Promise<string[]> {
    const { files } = await new Promise<{ files: string[] }>((resolve, reject) => {
      wx.getFileSystemManager().readdir({ dirPath: wx.env.USER_DATA_PATH, success: resolve, fail: (failure) => reject(refusal(failure)) })
    })
    return files
  },
  /** The text of a file, or undefined when there is none. */
  read(name: string): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      wx.getFileSystemManager().readFile({
        filePath: `${wx.env.USER_DATA_PATH}/${name}`,
        encoding: 'utf8',
        success: ({ data }) => resolve(String(data)),
        fail: (failure) => (/no such/i.test(failure.errMsg) ? resolve(undefined) : reject(refusal(failure))),
      })
    })
  },
  write(name: string, text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const filePath = `${wx.env.USER_DATA_PATH}/${name}`
      wx.getFileSystemManager().writeFile({ filePath, data: text, encoding: 'utf8', success: () => resolve(), fail: (failure) => reject(refusal(failure)) })
    })
  },
  append(name: string, text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const filePath = `${wx.env.USER_DATA_PATH}/${name}`
      const again = () => void disk.write(name, text).then(resolve, reject) // WeChat appends to files that are there alone
      wx.getFileSystemManager().appendFile({
        filePath,
        data: text,
        encoding: 'utf8',
        success: () => resolve(),
        fail: (failure) => (/no such/i.test(failure.errMsg) ? again() : reject(refusal(failure))),
      })
    })
  },
  /** Remove a file; one that is gone already is no fault. */
  drop(name: string): Promise<void> {
    return new Promise((resolve) => {
      wx.getFileSystemManager().unlink({ filePath: `${wx.env.USER_DATA_PATH}/${name}`, complete: () => resolve() })
    })
  },
}

export function showPhotos(urls: string[], current: string): void {
  void wx.previewImage({ urls, current })
}

// Place

/** Where the phone is, WGS-84. Rejects with reason denied, privacy, timeout or other. */
export async function whereAmI(): Promise<Fix> {
  const found = await wx.getLocation({ type: 'wgs84', isHighAccuracy: true, highAccuracyExpireTime: 5000 }).catch(refuse)
  const { latitude, longitude, accuracy, speed, altitude } = found
  return { latitude, longitude, accuracy, speed, altitude }
}

/** Show a place, GCJ-02, on WeChat's own map page. */
export async function showPlace(place: { latitude: number; longitude: number; name: string }): Promise<void> {
  await wx.openLocation({ ...place, scale: 16 }).catch(refuse)
}

/** Follow the phone, WGS-84; `background`: with the screen off too. Rejects as whereAmI does. */
export async function followPlace(background: boolean): Promise<void> {
  if (background) await wx.startLocationUpdateBackground({ type: 'wgs84' }).catch(refuse)
  else await wx.startLocationUpdate({ type: 'wgs84' }).catch(refuse)
}

export async function stopFollowing(): Promise<void> {
  await wx.stopLocationUpdate({}).catch(refuse)
}

/** Hear every place that the phone tells while it is followed. */
export function onPlace(listener: (fix: Fix) => void): () => void {
  const heard: WechatMiniprogram.OnLocationChangeCallback = ({ latitude, longitude, accuracy, speed, altitude }) =>
    listener({ latitude, longitude, accuracy, speed, altitude })
  wx.onLocationChange(heard)
  return () => wx.offLocationChange(heard)
}

let heardAway: ((hidden: boolean) => void) | undefined

/** Be told when the app goes to the background (true) and comes back (false); the last who asked is told. */
export function onceAway(listener: (hidden: boolean) => void): void {
  if (!heardAway) {
    wx.onAppHide(() => heardAway?.(true))
    wx.onAppShow(() => heardAway?.(false))
  }
  heardAway = listener
}

/** Percent, or null where the phone does not tell. */
export function battery(): number | null {
  const { level } = wx.getBatteryInfoSync()
  return Number.isFinite(Number(level)) ? Math.max(0, Math.min(100, Math.round(Number(level)))) : null
}

export function keepScreenOn(on: boolean): void {
  void wx.setKeepScreenOn({ keepScreenOn: on })
}

export function buzz(): void {
  void wx.vibrateShort({ type: 'medium' })
}

export async function openSettings(): Promise<void> {
  await wx.openSetting({}).catch(refuse)
}

/**
 * WeChat's sheet for subscription messages; only a tap may open it. Resolves with what was answered for each template:
 * accept allows one message. Rejects when the user has switched all such messages off.
 */
export async function subscribe(templates: string[]): Promise<Record<string, string>> {
  const { errMsg: _, ...answers } = (await wx.requestSubscribeMessage({ tmplIds: templates }).catch(refuse)) as Record<string, string>
  return answers
}

// Privacy: WeChat asks before the first private call, and shows the contract that the console holds

type PrivacyAnswer = (answer: { buttonId?: string; event: 'agree' | 'disagree' }) => void

export function onPrivacyQuestion(ask: (resolve: PrivacyAnswer) => void): void {
  wx.onNeedPrivacyAuthorization((resolve) => ask(resolve as unknown as PrivacyAnswer))
}

export function openPrivacyContract(): void {
  wx.openPrivacyContract({})
}

export async function stopRefreshing(): Promise<void> {
  await wx.stopPullDownRefresh({}).catch(refuse)
}
