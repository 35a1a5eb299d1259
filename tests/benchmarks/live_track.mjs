// How much the page of a patrol hands to its picture while it is walked, a point a second: by the page's own functions.
// Prints JSON: for each length of the track (seconds), the mean bytes of twenty redraws of its lines up to then, and the
// seconds between two.
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const root = path.resolve('miniprogram')
const esbuild = createRequire(path.join(root, 'package.json'))('esbuild')
const page = fs.readFileSync(path.join(root, 'src/packages/chief/walk/walk.ts'), 'utf8')
const constant = (name) => Number(new RegExp(`const ${name} = (\\d+)`).exec(page)[1])

const built = esbuild.buildSync({
  entryPoints: [path.join(root, 'src/services/maps.ts')],
  bundle: true, write: false, platform: 'node', format: 'esm', define: { __API_ORIGIN__: '""' },
})
const file = path.join(process.argv[2], 'maps.mjs')
fs.writeFileSync(file, built.outputFiles[0].text)
const { changedLines, piecesOf, river, walked } = await import(pathToFileURL(file).href)

const line = Array.from({ length: 60 }, (_, n) => [102.7 + n * 0.0007, 25.3 + Math.sin(n / 5) * 0.0005])
const place = (n) => [n * 1000, 102.7 + n * 0.0000119, 25.3 + Math.sin(n / 50) * 0.0005, 8, 1.2, null, false]
const lines = (seconds) => [river(line), ...walked(piecesOf(Array.from({ length: seconds }, (_, n) => place(n))))]
const REDRAWS = 20
const found = [30, 120, 300, 600, 1800, 3600, 7200].map((seconds) => {
  const every_s = constant(seconds > constant('LONG_TRACK') ? 'REDRAW_LONG_MS' : 'REDRAW_MS') / 1000
  let bytes = 0
  for (let left = REDRAWS; left > 0; left -= 1) {
    const now = seconds - (left - 1) * every_s
    bytes += Buffer.byteLength(JSON.stringify(changedLines(lines(now - every_s), lines(now))))
  }
  return { seconds, bytes: bytes / REDRAWS, every_s }
})
console.log(JSON.stringify(found))
