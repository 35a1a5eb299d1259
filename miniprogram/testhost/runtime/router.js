// The stack of pages, with WeChat's limits and its order of life-cycle calls.
import { phone } from './phone.js'

const DEEPEST = 10

export class Router {
  constructor(program, codeSpace, backend) {
    Object.assign(this, { program, codeSpace, backend, stack: [], application: null })
  }

  get top() {
    return this.stack[this.stack.length - 1]
  }

  firstUrl() {
    return `/${decodeURIComponent(location.hash.slice(1)) || this.program.pages[0]}`
  }

  launchOptions() {
    const { place, query } = this.#parse(this.firstUrl())
    return { path: place, query, scene: Number(query.scene_id ?? 1001), referrerInfo: {}, shareTicket: '' }
  }

  /** `how`: to, redirect, tab or relaunch. Throws, as WeChat fails, for a page that is not in app.json. */
  open(url, how) {
    const { place, query } = this.#parse(this.#absolute(url))
    if (!this.program.pages.includes(place)) throw new Error(`page "${place}" is not found`)
    const tabs = (this.program.app.tabBar?.list ?? []).map((tab) => tab.pagePath)
    if (how === 'tab' && !tabs.includes(place)) throw new Error(`"${place}" is not a tab`)
    if ((how === 'to' || how === 'redirect') && tabs.includes(place)) throw new Error(`can not open the tab "${place}" so`)
    if (how === 'to' && this.stack.length >= DEEPEST) throw new Error(`webview count limit exceed`)
    if (how === 'to') this.#hide()
    else if (how === 'redirect') this.#pop()
    else while (this.stack.length) this.#pop()
    this.#push(place, query)
  }

  back(steps = 1) {
    if (this.stack.length < 2) return
    for (let left = Math.min(steps, this.stack.length - 1); left > 0; left--) this.#pop()
    this.#show()
  }

  /** The mini program goes to the background, or comes back. */
  background(hidden) {
    if (hidden) {
      this.#call(this.top, 'onHide', 'hide')
      this.application.onHide?.()
    } else {
      this.application.onShow?.(this.launchOptions())
      this.#call(this.top, 'onShow', 'show')
    }
  }

  setTitle(title) {
    this.top.title = title
    this.#bar()
  }

  /** The bar above the page: title, colours by the theme, and the way back. */
  #bar() {
    const { window: style = {} } = this.program.app
    const theme = this.program.theme[matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'] ?? {}
    const value = (name) => (style[name]?.startsWith('@') ? theme[style[name].slice(1)] : style[name])
    const bar = document.getElementById('bar')
    bar.style.background = value('navigationBarBackgroundColor') ?? '#000'
    bar.style.color = value('navigationBarTextStyle') === 'white' ? '#fff' : '#000'
    document.getElementById('title').textContent = this.top.title
    const back = document.getElementById('back')
    back.hidden = this.stack.length < 2
    back.onclick = () => this.back()
    document.title = this.top.title
  }

  #absolute(url) {
    if (url.startsWith('/')) return url
    return new URL(url, `http://page/${this.top ? this.top.place : ''}`).href.slice('http://page'.length)
  }

  #parse(url) {
    const [place, search] = url.replace(/^\//, '').split('?')
    return { place, query: Object.fromEntries(new URLSearchParams(search ?? '')) }
  }

  #push(place, query) {
    const element = document.createElement('div')
    element.className = 'wx-page'
    element.dataset.page = place
    const slot = document.createElement('div')
    element.append(slot)
    document.getElementById('pages').append(element)
    const root = this.backend.createRoot('wx-page-root', this.codeSpace, place)
    const page = root.get()
    page.route = place
    page.options = query
    const config = this.program.components.find((component) => component.place === place).config
    const entry = { place, query, root, page, element, config, title: config.navigationBarTitleText ?? this.program.app.window?.navigationBarTitleText ?? '' }
    this.stack.push(entry)
    this.#bar()
    phone.tell('page', entry.place)
    // A page that declares a property of the query's name is given it, as WeChat does.
    const declared = Object.entries(query).filter(([name]) => name in page.data)
    if (declared.length) page.setData(Object.fromEntries(declared.map(([name, value]) => [name, decodeURIComponent(value)])))
    page.onLoad?.(query)
    root.attach(element, slot)
    this.#call(entry, 'onShow', 'show')
    page.onReady?.()
  }

  #pop() {
    const entry = this.stack.pop()
    entry.page.onUnload?.()
    entry.root.release()
    entry.element.remove()
  }

  #hide() {
    if (!this.top) return
    this.#call(this.top, 'onHide', 'hide')
    this.top.element.style.display = 'none'
  }

  #show() {
    this.top.element.style.display = ''
    this.#bar()
    phone.tell('page', this.top.place)
    this.#call(this.top, 'onShow', 'show')
  }

  #call(entry, method, lifetime) {
    entry.root.getComponent().triggerPageLifetime(lifetime, [])
    entry.page[method]?.()
  }
}
