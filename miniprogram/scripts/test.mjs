// The unit tests: bundled as the build would, then run by Node's own test runner.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import esbuild from 'esbuild'
import { ROOT } from './build.mjs'

const tests = path.join(ROOT, 'tests/unit')
const out = fs.mkdtempSync(path.join(os.tmpdir(), 'qinghe-mini-'))
try {
  const wanted = fs.readdirSync(tests).filter((file) => file.endsWith('.test.ts') && file.includes(process.argv[2] ?? ''))
  esbuild.buildSync({
    entryPoints: wanted.map((file) => path.join(tests, file)),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outdir: out,
    sourcemap: 'inline',
    define: { __API_ORIGIN__: '""' },
  })
  const files = fs.readdirSync(out).map((file) => path.join(out, file))
  process.exitCode = spawnSync(process.execPath, ['--enable-source-maps', '--test', '--test-reporter=dot', ...files], { stdio: 'inherit' }).status ?? 1
} finally {
  fs.rmSync(out, { recursive: true, force: true })
}
