// Is what was built fit to be uploaded? WXML, the compiler of WeChat's own tools, our own rules, the size of each package.
// `node scripts/validate.mjs [src] [dist]`; ends with 1 and one sentence per fault.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile } from '../testhost/compile/index.mjs'
import { compileLocally } from './local-compile.mjs'
import { consentAsked, oneCaller, placeCallsDeclared, sizes, waysLeadToPages } from './rules.mjs'

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const [src = path.join(ROOT, 'src'), dist = path.join(ROOT, 'dist')] = process.argv.slice(2)
const KB = (bytes) => `${Math.ceil(bytes / 1024)} KB`

async function faultsOf() {
  const faults = [...oneCaller(src), ...consentAsked(src), ...placeCallsDeclared(src), ...waysLeadToPages(src)]
  try {
    compile(dist)
  } catch (error) {
    faults.push(...error.message.split('\n'))
  }
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'qinghe-compiled-'))
  try {
    const said = await compileLocally(dist, path.join(out, 'compiled.zip'))
    if (said) faults.push(`微信编译器：${said}`)
  } finally {
    fs.rmSync(out, { recursive: true, force: true })
  }
  const packages = sizes(dist)
  const widest = Math.max(...packages.map(({ name }) => name.length))
  console.log('小程序分包大小（未压缩）')
  for (const { name, bytes, max } of packages) {
    console.log(`  ${name.padEnd(widest + 2)}${KB(bytes).padStart(8)}  上限 ${KB(max)}`)
    if (bytes > max) faults.push(`分包 ${name} 有 ${KB(bytes)}，超过 ${KB(max)}`)
  }
  return faults
}

const faults = await faultsOf()
faults.forEach((fault) => console.error(fault))
process.exit(faults.length ? 1 : 0)
