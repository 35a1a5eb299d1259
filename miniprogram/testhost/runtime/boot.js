// Starts the mini program: its components on glass-easel, its scripts with WeChat's globals, its first page.
import * as adapter from 'glass-easel-miniprogram-adapter'
import { BUILTINS } from './builtins/names.js'
import { defineBuiltins } from './builtins/index.js'
import { builtinBehavior } from './behaviors.js'
import { fault } from './faults.js'
import { Router } from './router.js'
import { makeWx } from './wx/index.js'

const { glassEasel } = adapter

// TDesign binds attributes that some of its components do not declare, relates to components that no page uses, and draws
// the dots of <t-loading> by a number: WeChat passes over all of it without a word.
const SILENT_IN_WECHAT = [
  /is not a valid property/,
  /target of relation .* is not a valid behavior or component/,
  /Use number as for-list/,
  /Some keys are not unique while list updates: ""/,
]

export function boot(program) {
  watchFramework()
  const env = new adapter.MiniProgramEnv()
  const builtinSpace = env.getGlobalCodeSpace().getComponentSpace()
  const builtins = defineBuiltins(builtinSpace, window.__HOST_TEMPLATES__)
  const codeSpace = env.createCodeSpace('app', true)
  for (const [tag, component] of builtins) codeSpace.getComponentSpace().setGlobalUsingComponent(tag, component)

  codeSpace.addStyleSheet('app', 'app')
  for (const { place, config, prefix } of program.components) {
    codeSpace.addComponentStaticConfig(place, config)
    codeSpace.addCompiledTemplate(place, { groupList: program.templates, content: program.templates[place] })
    codeSpace.addStyleSheet(place, place, prefix)
  }
  const backend = env.associateBackend(browser())
  backend.registerStyleSheetContent('app', program.appCss)
  for (const { place, css } of program.components) backend.registerStyleSheetContent(place, css || '/**/')

  const router = new Router(program, codeSpace, backend)
  const application = { globalData: {} }
  const wx = makeWx(router, program)
  Object.assign(window, { wx, getApp: () => application, getCurrentPages: () => router.stack.map((entry) => entry.page) })
  const load = loader(program, application, wx)
  load('app.js', {})
  for (const { place, script } of program.components) codeSpace.componentEnv(place, (registration) => load(script, registration))
  router.application = application
  application.onLaunch?.(router.launchOptions())
  application.onShow?.(router.launchOptions())
  router.open(router.firstUrl(), 'relaunch')
  window.__READY__ = true
}

function watchFramework() {
  glassEasel.globalOptions.throwGlobalError = false
  glassEasel.addGlobalErrorListener((error) => fault(error?.stack ?? error))
  glassEasel.addGlobalWarningListener((message) => {
    if (!SILENT_IN_WECHAT.some((words) => words.test(message))) fault(`glass-easel: ${message}`)
    return false
  })
}

/** Built-in elements appear in the document under a name of their own: <view> as <wx-view>. */
function browser() {
  const backend = new glassEasel.CurrentWindowBackendContext()
  backend.document = {
    createElement: (tag) => understandingRpx(document.createElement(BUILTINS.has(tag) ? `wx-${tag}` : tag)),
    createTextNode: (text) => document.createTextNode(text),
    createDocumentFragment: () => document.createDocumentFragment(),
    createComment: (text) => document.createComment(text),
  }
  backend.onEvent((target, type, detail, options) => glassEasel.triggerEvent(target, type, detail, options))
  return backend
}

/** In WeChat rpx is a unit in inline styles too. */
function understandingRpx(element) {
  element.setAttribute = (name, value) => {
    const plain = name === 'style' ? String(value).replace(/(-?[\d.]+)rpx\b/g, (_, number) => `calc(var(--rpx) * ${number})`) : value
    Element.prototype.setAttribute.call(element, name, plain)
  }
  return element
}

/** Scripts run once each; a component's registers with the environment in which it is loaded first. */
function loader(program, application, wx) {
  const loaded = new Map()
  let current = {}
  const known = (definition) => ({
    ...definition,
    behaviors: (definition?.behaviors ?? []).map((behavior) => (typeof behavior === 'string' ? builtinBehavior(behavior, current) : behavior)),
  })
  const globals = {
    Page: (definition) => current.Page(known(definition)),
    Component: (definition) => current.Component(known(definition)),
    Behavior: (definition) => current.Behavior(known(definition)),
    App: (definition) => {
      for (const key of Object.keys(definition)) {
        const value = definition[key]
        application[key] = typeof value === 'function' ? value.bind(application) : value
      }
    },
  }
  Object.assign(window, globals, {
    getRegExp: (pattern, flags) => new RegExp(pattern, flags),
    getDate: (...parts) => (parts.length ? new Date(...parts) : new Date()),
  })

  function run(file) {
    if (loaded.has(file)) return loaded.get(file).exports
    const { dependencies, run: body } = program.modules[file]
    const module = { exports: {} }
    loaded.set(file, module)
    const require = (reference) => run(dependencies[reference] ?? missing(file, reference))
    const { Page, Component, Behavior, App } = globals
    body.call(undefined, require, module, module.exports, Page, Component, Behavior, App, wx, window.getApp, window.getCurrentPages)
    return module.exports
  }
  return (file, registration) => {
    current = registration
    return run(file)
  }
}

function missing(file, reference) {
  throw new Error(`${file}: module ${reference} is not defined`)
}
