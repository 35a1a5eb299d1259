// Photos: taken or chosen, looked at, made smaller, saved.
import { call } from './call.js'
import { addressOf, fileOf, keepTemporary } from './files.js'
import { allowed, permissions } from './permissions.js'
import { consented } from './privacy.js'
import { phone } from '../phone.js'

/** The phone's next photos: those that a test or the frame has laid ready, else the browser's own dialogue. */
async function pick(count) {
  if (phone.album.length) return phone.album.splice(0, count)
  return new Promise((resolve, reject) => {
    const input = document.createElement('input')
    Object.assign(input, { type: 'file', accept: 'image/*', multiple: count > 1, id: 'wx-file', hidden: true })
    document.body.append(input)
    const end = () => input.remove()
    input.addEventListener('change', () => {
      resolve([...input.files].slice(0, count))
      end()
    })
    input.addEventListener('cancel', () => {
      reject(new Error('cancel'))
      end()
    })
    input.click()
  })
}

async function smaller(blob, quality, width) {
  const picture = await createImageBitmap(blob)
  const scale = width ? Math.min(1, width / picture.width) : 1
  const canvas = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale))
  canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height)
  return canvas.convertToBlob({ type: 'image/jpeg', quality: quality / 100 })
}

export function media() {
  return {
    chooseMedia: call('chooseMedia', async ({ count = 9, sourceType = ['album', 'camera'] }) => {
      await consented('chooseMedia')
      if (sourceType.includes('camera') && (sourceType.length === 1 || phone.picks === 'camera')) await allowed('scope.camera')
      const files = await pick(count)
      return { type: 'image', tempFiles: files.map((file) => ({ tempFilePath: keepTemporary(file), size: file.size, fileType: 'image' })) }
    }),
    compressImage: call('compressImage', async ({ src, quality = 80, compressedWidth }) => ({
      tempFilePath: keepTemporary(await smaller(await fileOf(src), quality, compressedWidth)),
    })),
    getImageInfo: call('getImageInfo', async ({ src }) => {
      const picture = await createImageBitmap(await fileOf(src))
      return { width: picture.width, height: picture.height, path: src, orientation: 'up', type: 'jpeg' }
    }),
    previewImage: call('previewImage', async ({ urls, current = urls[0] }) => {
      const shown = document.createElement('div')
      shown.className = 'wx-dialog wx-preview'
      shown.setAttribute('role', 'dialog')
      shown.setAttribute('aria-label', '看大图，点一下关闭')
      const picture = document.createElement('img')
      picture.src = current.startsWith('wxfile:') ? await addressOf(current) : current
      picture.alt = '照片'
      shown.append(picture)
      shown.addEventListener('click', () => shown.remove())
      document.body.append(shown)
    }),
    saveImageToPhotosAlbum: call('saveImageToPhotosAlbum', async () => {
      await consented('saveImageToPhotosAlbum')
      await allowed('scope.writePhotosAlbum')
    }),
    ...permissions,
  }
}
