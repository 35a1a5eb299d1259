// wx.request and wx.uploadFile through the browser's fetch, with the phone's signal and its wished-for failures between.
import { call } from './call.js'
import { fileOf } from './files.js'
import { phone } from '../phone.js'

class NoAnswer extends Error {}

/** What the phone's state makes of a request: nothing, a delay, a failure instead of the server's answer. */
async function reach(url, timeout) {
  if (phone.delay) await new Promise((resolve) => setTimeout(resolve, Math.min(phone.delay, timeout)))
  if (phone.delay >= timeout) throw new NoAnswer('timeout')
  if (!phone.online) throw new NoAnswer('network is unreachable, offline')
  const failure = phone.failures.find((one) => url.includes(one.match) && (one.times ?? 1) > 0)
  if (!failure) return null
  failure.times = (failure.times ?? 1) - 1
  if (failure.status === 'timeout') throw new NoAnswer('timeout')
  if (failure.status === 'lost') return { lost: true } // the server gets it, its answer gets lost
  return { status: failure.status, body: failure.body ?? '' }
}

function task(body) {
  const control = new AbortController()
  const progress = new Set()
  body(control.signal, (event) => progress.forEach((listener) => listener(event)))
  return {
    abort: () => control.abort(),
    onProgressUpdate: (listener) => progress.add(listener),
    offProgressUpdate: (listener) => progress.delete(listener),
    onHeadersReceived() {},
    offHeadersReceived() {},
  }
}

async function limited(url, options, timeout, signal) {
  const instead = await reach(url, timeout)
  if (instead && !instead.lost) return new Response(instead.body, { status: instead.status })
  try {
    const answer = await fetch(new URL(url, window.location.href), { ...options, signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]) })
    if (instead?.lost) throw new NoAnswer('timeout')
    return answer
  } catch (error) {
    if (error instanceof NoAnswer) throw error
    throw new NoAnswer(error.name === 'TimeoutError' ? 'timeout' : error.name === 'AbortError' ? 'abort' : `network: ${error.message}`)
  }
}

function finish(options, name, promise) {
  phone.asking++
  const over = () => setTimeout(() => phone.asking--) // what the answer leads to is asked before
  promise.then(
    (result) => {
      options.success?.({ errMsg: `${name}:ok`, ...result })
      options.complete?.({ errMsg: `${name}:ok`, ...result })
    },
    (error) => {
      const told = { errMsg: `${name}:fail ${error.message}`, errno: error.message === 'timeout' ? 5 : 600001 }
      options.fail?.(told)
      options.complete?.(told)
    },
  ).finally(over)
}

function parsed(text, dataType) {
  if (dataType && dataType !== 'json') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export function network() {
  return {
    request: (options) =>
      task((signal) => {
        const method = options.method ?? 'GET'
        const url = new URL(options.url, window.location.href)
        const inQuery = method === 'GET' && typeof options.data === 'object'
        if (inQuery) for (const [name, value] of Object.entries(options.data)) url.searchParams.set(name, value)
        const binary = options.data instanceof ArrayBuffer
        const body = inQuery || options.data === undefined ? undefined : binary || typeof options.data === 'string' ? options.data : JSON.stringify(options.data)
        const headers = { ...(body === undefined || binary ? {} : { 'content-type': 'application/json' }), ...lower(options.header) }
        const sent = limited(url.href, { method, headers, body }, options.timeout ?? 60_000, signal)
        finish(options, 'request', sent.then(async (answer) => ({
          statusCode: answer.status,
          header: Object.fromEntries(answer.headers),
          data: options.responseType === 'arraybuffer' ? await answer.arrayBuffer() : parsed(await answer.text(), options.dataType),
          cookies: [],
        })))
      }),
    uploadFile: (options) =>
      task((signal, tell) => {
        const sent = (async () => {
          const form = new FormData()
          for (const [name, value] of Object.entries(options.formData ?? {})) form.append(name, value)
          const file = await fileOf(options.filePath)
          form.append(options.name, file, file.name ?? 'photo.jpg')
          tell({ progress: 1, totalBytesSent: 0, totalBytesExpectedToSend: file.size })
          // Object storage is another origin; the server that serves this page passes the form on.
          const outside = new URL(options.url, window.location.href).origin !== window.location.origin
          const url = outside ? `_upload?to=${encodeURIComponent(options.url)}` : options.url
          const answer = await limited(url, { method: 'POST', headers: options.header, body: form }, options.timeout ?? 60_000, signal)
          tell({ progress: 100, totalBytesSent: file.size, totalBytesExpectedToSend: file.size })
          return { statusCode: answer.status, data: await answer.text() }
        })()
        finish(options, 'uploadFile', sent)
      }),
    getNetworkType: call('getNetworkType', () => ({ networkType: phone.network, signalStrength: 0, hasSystemProxy: false })),
    onNetworkStatusChange: (listener) => phone.on('network', listener),
    offNetworkStatusChange: (listener) => phone.off('network', listener),
  }
}

const lower = (headers = {}) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
