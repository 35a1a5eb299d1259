// Builds the desk's assets into ../static: scripts and styles bundled, files named by their content, packed copies
// beside them, one sprite of icons, and manifest.json, by which the templates find them.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const STATIC = '../static'
// Each entry is one file that a page may name; what several pages need stands in desk.
const ENTRIES = { 'desk.js': 'src/desk.js', 'desk.css': 'src/desk.css', 'map.js': 'src/map.js', 'map.css': 'src/map.css', 'chart.js': 'src/chart.js' }
const ICONS = [
  'layout-dashboard', 'map', 'table-properties', 'inbox', 'gavel', 'rotate-ccw', 'calendar-plus', 'message-square-warning',
  'footprints', 'chart-column', 'settings', 'key-round', 'log-out', 'user-round', 'menu', 'search', 'download', 'bell-ring',
  'columns-3', 'bookmark', 'printer', 'chevron-right', 'chevron-left', 'triangle-alert', 'circle-check', 'clock', 'image',
  'x', 'external-link', 'refresh-cw', 'maximize', 'flag', 'users', 'shield-check', 'map-pin', 'git-merge', 'split', 'smartphone',
  'lock-keyhole', 'file-text', 'list-checks', 'siren', 'eye', 'circle-help', 'qr-code', 'droplets',
  'target', 'upload', 'calendar-days', 'scroll-text', 'undo-2',
]

const manifest = {}
rmSync(STATIC, { recursive: true, force: true })
mkdirSync(STATIC, { recursive: true })

function keep(name, content) {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12)
  const dot = name.lastIndexOf('.')
  const named = `${name.slice(0, dot)}.${hash}${name.slice(dot)}`
  writeFileSync(`${STATIC}/${named}`, content)
  writeFileSync(`${STATIC}/${named}.gz`, gzipSync(content, { level: 9 }))
  manifest[name] = named
}

for (const [name, entry] of Object.entries(ENTRIES)) {
  const { outputFiles } = await build({
    entryPoints: [entry], bundle: true, minify: true, write: false, format: 'iife', target: 'es2020',
    charset: 'utf8', legalComments: 'none', loader: { '.png': 'dataurl', '.svg': 'dataurl' }, outfile: `out/${name}`,
  })
  keep(name, Buffer.from(outputFiles[0].contents))
}

const symbols = ICONS.map((icon) => {
  const svg = readFileSync(`node_modules/lucide-static/icons/${icon}.svg`, 'utf8')
  const body = svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.lastIndexOf('</svg>')).trim()
  return `<symbol id="${icon}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${body.replace(/\s+/g, ' ')}</symbol>`
})
keep('icons.svg', Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>`))
writeFileSync(`${STATIC}/manifest.json`, JSON.stringify(manifest, null, 1))
