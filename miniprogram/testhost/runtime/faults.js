// Everything that must not happen while a page runs in the host: each test ends by asking whether the list is empty.
export const faults = []
window.__FAULTS__ = faults

export function fault(words) {
  faults.push(String(words))
  console.error(`[host] ${words}`)
}

window.addEventListener('error', (event) => fault(event.error?.stack ?? event.message))
window.addEventListener('unhandledrejection', (event) => fault(`unhandled rejection: ${event.reason?.stack ?? JSON.stringify(event.reason)}`))
