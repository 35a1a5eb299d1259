// The file system of a mini program: temporary files of this run, and user files that outlive it (in IndexedDB).
import { call } from './call.js'
import { phone } from '../phone.js'

export const USER = 'wxfile://usr'
const temporary = new Map()
let count = 0

/** A file that the camera or the album gave: gone when the app is killed. */
export function keepTemporary(file) {
  const place = `wxfile://tmp_${Date.now()}_${count++}.${file.type.split('/')[1] ?? 'bin'}`
  temporary.set(place, file)
  return place
}

/** The content of a path, as a File or Blob. Throws as WeChat fails for a path that is not there. */
export async function fileOf(place) {
  const found = temporary.get(place) ?? (await stored(place))
  if (!found) throw new Error(`no such file or directory, open '${place}'`)
  return found
}

/** An address of a path that an <image> can show. */
export async function addressOf(place) {
  return URL.createObjectURL(await fileOf(place))
}

let opened
function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(`wx-files-${localStorage.getItem('frame:owner') ?? '0'}`, 1)
    request.onupgradeneeded = () => request.result.createObjectStore('files')
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  return opened
}

async function transaction(mode, body) {
  const db = await database()
  return new Promise((resolve, reject) => {
    const work = db.transaction('files', mode)
    const request = body(work.objectStore('files'))
    work.oncomplete = () => resolve(request?.result)
    work.onerror = () => reject(work.error)
  })
}

const stored = (place) => transaction('readonly', (files) => files.get(place))
const store = (place, blob) => {
  if (phone.full) throw new Error('the maximum size of the file storage limit is exceeded')
  return transaction('readwrite', (files) => files.put(blob, place))
}
const remove = (place) => transaction('readwrite', (files) => files.delete(place))
const names = () => transaction('readonly', (files) => files.getAllKeys())

function own(place) {
  if (!place.startsWith(`${USER}/`)) throw new Error(`permission denied, open '${place}'`)
}

function blobOf(data, encoding) {
  if (encoding === 'base64' && typeof data === 'string') return new Blob([Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0))])
  return new Blob([data])
}

async function content(blob, encoding) {
  if (encoding === 'utf8' || encoding === 'utf-8') return blob.text()
  const bytes = await blob.arrayBuffer()
  if (encoding === 'base64') return btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(''))
  return bytes
}

export function files() {
  const manager = {
    readFile: call('readFile', async ({ filePath, encoding }) => ({ data: await content(await fileOf(filePath), encoding) })),
    writeFile: call('writeFile', async ({ filePath, data, encoding }) => {
      own(filePath)
      await store(filePath, blobOf(data, encoding))
    }),
    appendFile: call('appendFile', async ({ filePath, data, encoding }) => {
      own(filePath)
      await store(filePath, new Blob([await fileOf(filePath), blobOf(data, encoding)]))
    }),
    copyFile: call('copyFile', async ({ srcPath, destPath }) => {
      own(destPath)
      await store(destPath, await fileOf(srcPath))
    }),
    saveFile: call('saveFile', async ({ tempFilePath, filePath = `${USER}/${Date.now()}_${count++}` }) => {
      own(filePath)
      await store(filePath, await fileOf(tempFilePath))
      temporary.delete(tempFilePath)
      return { savedFilePath: filePath }
    }),
    unlink: call('unlink', async ({ filePath }) => {
      await fileOf(filePath)
      temporary.delete(filePath)
      await remove(filePath)
    }),
    access: call('access', async ({ path }) => {
      const all = await names()
      if (!temporary.has(path) && !all.some((name) => name === path || name.startsWith(`${path}/`))) throw new Error(`no such file or directory, access '${path}'`)
    }),
    mkdir: call('mkdir', ({ dirPath }) => own(`${dirPath}/`)),
    readdir: call('readdir', async ({ dirPath }) => {
      const all = (await names()).filter((name) => name.startsWith(`${dirPath}/`))
      return { files: [...new Set(all.map((name) => name.slice(dirPath.length + 1).split('/')[0]))] }
    }),
    stat: call('stat', async ({ path }) => ({ stats: { size: (await fileOf(path)).size, isFile: () => true, isDirectory: () => false } })),
    getFileInfo: call('getFileInfo', async ({ filePath }) => ({ size: (await fileOf(filePath)).size })),
  }
  return { env: { USER_DATA_PATH: USER }, getFileSystemManager: () => manager }
}
