// WXML and WXS through Tencent's own template compiler.
import { createRequire } from 'node:module'
import path from 'node:path'
import { portableWxs, wxsRequiredBy } from './scripts.mjs'

const { TmplGroup } = createRequire(import.meta.url)('glass-easel-template-compiler')

export class Templates {
  constructor(project) {
    this.project = project
    this.group = new TmplGroup()
    this.done = new Set()
  }

  add(place) {
    if (this.done.has(place)) return
    this.done.add(place)
    for (const warning of this.group.addTmpl(place, this.project.text(`${place}.wxml`)) ?? []) {
      this.project.fault(`${place}.wxml 第 ${warning.startLine} 行第 ${warning.startColumn} 列：${warning.message}`)
    }
    for (const name of this.group.getInlineScriptModuleNames(place) ?? []) {
      this.group.setInlineScript(place, name, portableWxs(this.group.getInlineScript(place, name)))
    }
    for (const other of this.group.getDirectDependencies(place)) {
      if (this.project.exists(`${other}.wxml`)) this.add(other)
      else this.project.fault(`${place}.wxml：找不到 ${other}.wxml`)
    }
    for (const script of this.group.getScriptDependencies(place)) this.#script(place, script)
  }

  #script(from, place) {
    if (this.done.has(`wxs ${place}`)) return
    this.done.add(`wxs ${place}`)
    const file = [place, `${place}.wxs`].find((name) => this.project.exists(name))
    if (!file) {
      this.project.fault(`${from}：找不到 ${place}`)
      return
    }
    const source = portableWxs(this.project.text(file))
    this.group.addScript(place, source)
    for (const reference of wxsRequiredBy(source)) this.#script(file, path.posix.join(path.posix.dirname(file), reference))
  }

  emit() {
    return this.group.getTmplGenObjectGroups()
  }
}

/** The two templates of which the host's own components are made. */
export function hostTemplates() {
  const group = new TmplGroup()
  group.addTmpl('slot', '<slot/>')
  group.addTmpl('empty', '')
  return group.getTmplGenObjectGroups()
}
