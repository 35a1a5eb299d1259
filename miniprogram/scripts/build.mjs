// src/ → dist/: what WeChat is given, and what the browser host runs. TypeScript becomes JavaScript file by file,
// the TDesign components in use are copied with what they need, and their icons are drawn locally.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import esbuild from 'esbuild'
import { filesIn } from './files.mjs'
import { copyTdesign } from './tdesign.mjs'
import { iconStyles, usedIcons } from './icons.mjs'

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
  fs.writeFileSync(path.join(DIST, 'miniprogram_npm/tdesign-miniprogram/icon/icon.wxss'), iconStyles(usedIcons(DIST)))
  fs.copyFileSync(path.join(ROOT, 'project.config.json'), path.join(DIST, 'project.config.json'))
}

/** One TypeScript file as the CommonJS that WeChat runs; ES2018 is what its oldest engines in use understand. */
function script(source, file) {
  const define = { __API_ORIGIN__: JSON.stringify(process.env.API_ORIGIN ?? '') }
  const options = { loader: 'ts', format: 'cjs', target: 'es2018', sourcefile: file, charset: 'utf8', define }
  return esbuild.transformSync(source, options).code
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build()
