// The compiler that WeChat's own tools upload with (miniprogram-ci), run on this machine alone: it finds what only it
// knows of app.json and of components. Its makers do not support this use: the version is pinned in package.json.
import { spawn } from 'node:child_process'
import crypto from 'node:crypto'
import { createRequire } from 'node:module'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

// What WeChat's server answers about a project: without it the compiler would ask there.
const ATTRIBUTES = {
  platform: false,
  appType: 0,
  isSandbox: false,
  released: false,
  gameApp: false,
  setting: { MaxCodeSize: 2, MaxSubpackageSubCodeSize: 2, MaxSubpackageFullCodeSize: 30, NavigateMiniprogramLimit: 10, MaxTabbarCount: 5, MinTabbarCount: 2, MaxTabbarIconSize: 40 },
}

const NOWHERE = 'http://127.0.0.1:9'
const FAILED = '[not compiled]'

/**
 * Compile the built project into `out`, in a process of its own: the compiler talks and leaves handles open.
 * Resolves with what it finds wrong, or with an empty text.
 */
export function compileLocally(dist, out) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), dist, out], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (text) => (said += text))
  child.stderr.on('data', (text) => (said += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code === 0 ? '' : said.split(FAILED).pop().trim() || `没有编译成功（${code}）`))
  })
}

async function compile(dist, out) {
  const ci = createRequire(import.meta.url)('miniprogram-ci')
  ci.Project.prototype.attr = async () => ATTRIBUTES
  ci.proxy(NOWHERE) // it would ask WeChat for a list of file endings, and does without
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'qinghe-ci-'))
  try {
    const key = path.join(folder, 'key')
    const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
    fs.writeFileSync(key, privateKey.export({ type: 'pkcs1', format: 'pem' }))
    const project = new ci.Project({ appid: 'wx0000000000000000', type: 'miniProgram', projectPath: dist, privateKeyPath: key, ignores: [] })
    await ci.getCompiledResult({ project, version: '0.0.0', desc: 'check', setting: { es6: false, minify: false }, onProgressUpdate: () => {} }, out)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  compile(process.argv[2], process.argv[3]).then(
    () => process.exit(fs.existsSync(process.argv[3]) ? 0 : 1),
    (error) => {
      console.error(FAILED, error.message)
      process.exit(1)
    },
  )
}
