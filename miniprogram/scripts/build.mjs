// src/ → dist/: what WeChat is given, and what the browser host runs. TypeScript becomes JavaScript file by file,
// the TDesign components in use are copied with what they need, and their icons are drawn locally.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import esbuild from 'esbuild'
import { filesIn } from './files.mjs'
import { copyTdesign } from './tdesign.mjs'
import { iconStyles, usedIcons } from './icons.mjs'
import { pagesOf } from './rules.mjs'

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
export const SRC = path.join(ROOT, 'src')
export const DIST = path.join(ROOT, 'dist')

export function build() {
  fs.rmSync(DIST, { recursive: true, force: true })
  for (const file of filesIn(SRC)) {
    if (file.endsWith('.d.ts')) continue
    const target = path.join(DIST, file.replace(/\.ts$/, '.js'))
    fs.mkdirSync(path.dirname(target), { recursive: true })
    if (!file.endsWith('.ts')) fs.copyFileSync(path.join(SRC, file), target)
    else fs.writeFileSync(target, script(fs.readFileSync(path.join(SRC, file), 'utf8'), file))
  }
  copyTdesign(DIST)
  growText(DIST)
  fs.writeFileSync(path.join(DIST, 'miniprogram_npm/tdesign-miniprogram/icon/icon.wxss'), iconStyles(usedIcons(DIST)))
  fs.copyFileSync(path.join(ROOT, 'project.config.json'), path.join(DIST, 'project.config.json'))
}

/**
 * Let text grow with the size that the user has set in WeChat: sizes of type become rem, and every page takes its root
 * size from WeChat (page-meta). 32rpx is 16px on an ordinary phone, which is WeChat's ordinary size.
 */
function growText(dist) {
  for (const file of filesIn(dist).filter((name) => name.endsWith('.wxss'))) {
    const place = path.join(dist, file)
    fs.writeFileSync(place, inRem(fs.readFileSync(place, 'utf8')))
  }
  const app = JSON.parse(fs.readFileSync(path.join(dist, 'app.json'), 'utf8'))
  for (const page of pagesOf(app)) {
    const place = path.join(dist, `${page}.wxml`)
    fs.writeFileSync(place, `<page-meta root-font-size="system" />${fs.readFileSync(place, 'utf8')}`)
  }
}

const TYPE = /((?:^|[\s;{])(?:font-size|font|--td-[\w-]*font[\w-]*)\s*:)([^;}]*)/g

export function inRem(css) {
  return css.replace(TYPE, (_, name, value) => name + value.replace(/([\d.]+)rpx/g, (__, size) => `${Number((size / 32).toFixed(4))}rem`))
}

/** One TypeScript file as the CommonJS that WeChat runs; ES2018 is what its oldest engines in use understand. */
function script(source, file) {
  const define = { __API_ORIGIN__: JSON.stringify(process.env.API_ORIGIN ?? '') }
  const options = { loader: 'ts', format: 'cjs', target: 'es2018', sourcefile: file, charset: 'utf8', define }
  return esbuild.transformSync(source, options).code
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build()
