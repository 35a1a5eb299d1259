// Rules of the mini program that no compiler knows: each function gives its faults, one sentence each.
import fs from 'node:fs'
import path from 'node:path'
import { filesIn } from './files.mjs'

// What WeChat asks the user's consent for before the first call, and which of our own functions call it.
const PRIVATE = /\b(?:platform\.(?:whereAmI|pickPhotos|copy|follow\w*|startLocation\w*)|take)\(/
const PRIVATE_BUTTON = /open-type="(?:getPhoneNumber|chooseAvatar)"/
// The calls that app.json must declare in requiredPrivateInfos.
const PLACE_CALLS = ['getLocation', 'getFuzzyLocation', 'onLocationChange', 'startLocationUpdate', 'startLocationUpdateBackground', 'chooseLocation', 'choosePoi', 'chooseAddress']

const read = (src, file) => fs.readFileSync(path.join(src, file), 'utf8')
const code = (text) => text.replace(/\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/.*/g, '')

/** `platform/` alone calls wx, services/http.ts alone sends requests. */
export function oneCaller(src) {
  const faults = []
  for (const file of filesIn(src).filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))) {
    const text = code(read(src, file))
    if (!file.startsWith('platform/') && /\bwx\.\w+/.test(text)) faults.push(`${file}：只有 platform/ 可以调用 wx`)
    if (file !== 'services/http.ts' && /\bplatform\.request\(/.test(text)) faults.push(`${file}：只有 services/http.ts 可以发请求`)
  }
  return faults
}

/** A page from which a private call is made must be able to ask for consent. */
export function consentAsked(src) {
  const faults = []
  for (const file of filesIn(src).filter((name) => name.endsWith('.wxml') && /^(?:pages|packages)\//.test(name))) {
    const template = read(src, file)
    const script = file.replace(/\.wxml$/, '.ts')
    if (JSON.parse(read(src, file.replace(/\.wxml$/, '.json'))).component) continue
    const asks = PRIVATE_BUTTON.test(template) || (fs.existsSync(path.join(src, script)) && PRIVATE.test(code(read(src, script))))
    if (asks && !template.includes('<privacy-sheet')) faults.push(`${file}：有隐私接口，却没有 <privacy-sheet />`)
  }
  return faults
}

/** requiredPrivateInfos holds what is called and nothing else: WeChat refuses a call that is not declared, and reviewers ask about one that is not made. */
export function placeCallsDeclared(src) {
  const app = JSON.parse(read(src, 'app.json'))
  const text = filesIn(src).filter((name) => name.startsWith('platform/')).map((name) => code(read(src, name))).join('\n')
  const made = PLACE_CALLS.filter((name) => new RegExp(`\\bwx\\s*\\.${name}\\b`).test(text))
  const declared = app.requiredPrivateInfos ?? []
  const faults = [
    ...made.filter((name) => !declared.includes(name)).map((name) => `app.json：requiredPrivateInfos 缺少 ${name}`),
    ...declared.filter((name) => !made.includes(name)).map((name) => `app.json：requiredPrivateInfos 里的 ${name} 没有用到`),
  ]
  const background = made.includes('startLocationUpdateBackground')
  if (background !== (app.requiredBackgroundModes ?? []).includes('location')) faults.push('app.json：requiredBackgroundModes 与后台定位的调用不一致')
  if (app.lazyCodeLoading !== 'requiredComponents') faults.push('app.json：lazyCodeLoading 应为 requiredComponents')
  return faults
}

const ADDRESS = /['"`]\/((?:pages|packages)\/[\w/-]+)/g

/** Every page in app.json, by its path. */
export const pagesOf = (app) => [...app.pages, ...(app.subPackages ?? []).flatMap(({ root, pages }) => pages.map((page) => `${root}/${page}`))]

/** Wherever a tap leads, there is a page: WeChat says of one that is not only when somebody has tapped. */
export function waysLeadToPages(src) {
  const pages = pagesOf(JSON.parse(read(src, 'app.json')))
  return filesIn(src)
    .filter((name) => /\.(?:ts|wxml)$/.test(name))
    .flatMap((file) => [...code(read(src, file)).matchAll(ADDRESS)].filter(([, page]) => !pages.includes(page)).map(([, page]) => `${file}：app.json 里没有页面 ${page}`))
}

// Bytes; WeChat's own limit for a package is 2 MB, the main one is loaded before anything is seen.
export const MAIN_MAX = 1024 * 1024
export const PACKAGE_MAX = 2 * 1024 * 1024

/** What each package weighs, the main one first: [{ name, bytes, max }]. */
export function sizes(dist) {
  const app = JSON.parse(read(dist, 'app.json'))
  const roots = (app.subPackages ?? []).map((one) => one.root)
  const bytes = Object.fromEntries(['', ...roots].map((root) => [root, 0]))
  for (const file of filesIn(dist)) bytes[roots.find((one) => file.startsWith(`${one}/`)) ?? ''] += fs.statSync(path.join(dist, file)).size
  return Object.entries(bytes).map(([root, size]) => ({ name: root || '主包', bytes: size, max: root ? PACKAGE_MAX : MAIN_MAX }))
}
