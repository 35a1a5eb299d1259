// The TDesign components that the pages use, with everything that these use in turn: all of TDesign would not fit.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import * as acorn from 'acorn'
import esbuild from 'esbuild'

const FROM = fileURLToPath(new URL('../node_modules/tdesign-miniprogram/miniprogram_dist', import.meta.url))
const PREFIX = 'tdesign-miniprogram/'
const REFERENCES = [
  [/\.wxml$/, /\b(?:src)=["']([^"'{}]+)["']/g],
  [/\.wxss$/, /@import\s+(?:url\()?["']([^"']+)["']/g],
  [/\.wxs$/, /require\(["']([^"']+)["']\)/g],
]
const EXTRA = { '.js': ['.json', '.wxml', '.wxss'] } // a component's script brings its other three files

/** Copy what `dist` refers to as `tdesign-miniprogram/…` into its miniprogram_npm. Throws when something is missing. */
export function copyTdesign(dist) {
  const target = path.join(dist, 'miniprogram_npm/tdesign-miniprogram')
  const done = new Set()
  const waiting = componentsUsed(dist).map((name) => `${name}.js`)
  while (waiting.length) {
    const file = waiting.pop()
    if (done.has(file)) continue
    done.add(file)
    const source = fs.readFileSync(path.join(FROM, file), 'utf8')
    for (const reference of referencesOf(file, source)) waiting.push(reference)
    fs.mkdirSync(path.dirname(path.join(target, file)), { recursive: true })
    fs.writeFileSync(path.join(target, file), file.endsWith('.js') ? commonJs(source, file) : source)
  }
}

function componentsUsed(dist) {
  const names = new Set()
  const pages = fs.readdirSync(dist, { recursive: true }).filter((file) => file.endsWith('.json'))
  for (const file of pages) {
    const config = JSON.parse(fs.readFileSync(path.join(dist, file), 'utf8'))
    for (const place of Object.values(config.usingComponents ?? {})) {
      if (place.startsWith(PREFIX)) names.add(place.slice(PREFIX.length))
    }
  }
  return [...names].sort()
}

function referencesOf(file, source) {
  const folder = path.posix.dirname(file)
  const found = file.endsWith('.js') ? importsOf(source).map((reference) => resolve(folder, reference, '.js')) : []
  for (const [ending, pattern] of REFERENCES) {
    if (!ending.test(file)) continue
    for (const match of source.matchAll(pattern)) found.push(resolve(folder, match[1], path.posix.extname(file)))
  }
  const stem = file.slice(0, -path.posix.extname(file).length)
  for (const ending of EXTRA[path.posix.extname(file)] ?? []) if (exists(stem + ending)) found.push(stem + ending)
  if (file.endsWith('.json')) {
    for (const place of Object.values(JSON.parse(source).usingComponents ?? {})) found.push(resolve(folder, place, '.js'))
  }
  return found
}

function importsOf(source) {
  const statements = acorn.parse(source, { ecmaVersion: 'latest', sourceType: 'module' }).body
  return statements.flatMap((statement) => (statement.source ? [statement.source.value] : []))
}

function resolve(folder, reference, ending) {
  const relative = path.posix.join(folder, reference)
  const bases = reference.startsWith('.') || exists(relative + ending) || exists(relative) ? [relative] : [relative, `miniprogram_npm/${reference}`]
  for (const base of bases) {
    for (const candidate of [base, base + ending, `${base}/index${ending}`]) if (exists(candidate)) return candidate
  }
  throw new Error(`TDesign: ${folder} 引用的 ${reference} 不存在`)
}

const exists = (file) => fs.existsSync(path.join(FROM, file)) && fs.statSync(path.join(FROM, file)).isFile()

function commonJs(source, file) {
  return esbuild.transformSync(source, { loader: 'js', format: 'cjs', target: 'es2018', sourcefile: file, charset: 'utf8' }).code
}
