// A built mini program → one folder that a browser can open. Throws with every fault that the project has.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import esbuild from 'esbuild'
import { Project } from './project.mjs'
import { Scripts } from './scripts.mjs'
import { Styles } from './styles.mjs'
import { hostTemplates, Templates } from './templates.mjs'

const HOST = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

export function compile(root) {
  const project = new Project(root)
  const scripts = new Scripts(project)
  const templates = new Templates(project)
  const styles = new Styles(project)
  const components = new Map()

  function add(place, isPage) {
    if (components.has(place)) return
    const config = project.json(`${place}.json`)
    const isolated = config.styleIsolation ? !/^(page-)?shared$/.test(config.styleIsolation) : Boolean(config.component)
    const prefix = isolated ? `s${components.size}` : undefined
    const component = { place, script: `${place}.js`, config, prefix, isPage }
    components.set(place, component)
    const using = {}
    for (const [name, reference] of Object.entries({ ...project.app.usingComponents, ...config.usingComponents })) {
      const found = project.component(place, reference)
      if (!found) {
        project.fault(`${place}.json：找不到组件 ${name}（${reference}）`)
        continue
      }
      using[name] = `/${found}`
      add(found, false)
    }
    component.config = { ...config, usingComponents: using, componentPlaceholder: undefined }
    component.css = styles.of(place, prefix, isPage)
    scripts.add(component.script)
    templates.add(place)
  }

  for (const page of project.pages) add(page, true)
  scripts.add('app.js')
  if (project.faults.length) throw new Error(project.faults.join('\n'))
  const program = { app: project.app, theme: project.theme, pages: project.pages, appCss: styles.of('app'), components: [...components.values()] }
  return (
    `window.__HOST_TEMPLATES__=${hostTemplates()};\n` +
    `window.__PROGRAM__=${JSON.stringify(program)};\n` +
    `window.__PROGRAM__.templates=${templates.emit()};\n` +
    `window.__PROGRAM__.modules=${scripts.emit()};\n`
  )
}

export function compileTo(root, out) {
  fs.rmSync(out, { recursive: true, force: true })
  fs.mkdirSync(out, { recursive: true })
  fs.writeFileSync(path.join(out, 'program.js'), compile(root))
  esbuild.buildSync({
    entryPoints: { host: path.join(HOST, 'runtime/index.js') },
    bundle: true,
    outdir: out,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    loader: { '.css': 'text' },
  })
  for (const page of ['app.html', 'index.html', 'frame.css', 'frame.js']) fs.copyFileSync(path.join(HOST, 'frame', page), path.join(out, page))
  const assets = path.join(root, 'assets')
  if (fs.existsSync(assets)) fs.cpSync(assets, path.join(out, 'assets'), { recursive: true })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.dirname(HOST)
  compileTo(path.join(root, 'dist'), path.join(root, 'host'))
}
