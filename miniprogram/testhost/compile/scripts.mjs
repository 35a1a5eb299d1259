// The scripts of the mini program as functions of the globals that WeChat gives them.
import path from 'node:path'
import * as acorn from 'acorn'
import * as walk from 'acorn-walk'
import MagicString from 'magic-string'

export const GLOBALS = ['require', 'module', 'exports', 'Page', 'Component', 'Behavior', 'App', 'wx', 'getApp', 'getCurrentPages']

export class Scripts {
  constructor(project) {
    this.project = project
    this.modules = new Map()
  }

  /** Take in a script and everything that it requires. */
  add(file) {
    if (this.modules.has(file)) return
    const source = this.project.text(file)
    const dependencies = {}
    this.modules.set(file, { source, dependencies })
    for (const reference of requiredBy(source)) {
      const found = this.project.script(file, reference)
      if (!found) {
        this.project.fault(`${file}：找不到 require 的 ${reference}`)
        continue
      }
      dependencies[reference] = found
      this.add(found)
    }
  }

  emit() {
    const parts = [...this.modules].map(([file, { source, dependencies }]) => {
      const body = `${source}\n//# sourceURL=${path.posix.join('miniprogram', file)}`
      return `${JSON.stringify(file)}:{dependencies:${JSON.stringify(dependencies)},run:function(${GLOBALS.join(',')}){${body}\n}}`
    })
    return `{${parts.join(',\n')}}`
  }
}

function requiredBy(source) {
  const found = []
  walk.simple(acorn.parse(source, { ecmaVersion: 'latest', sourceType: 'script', allowReturnOutsideFunction: true }), {
    CallExpression(node) {
      const [argument] = node.arguments
      if (node.callee.name === 'require' && argument?.type === 'Literal') found.push(argument.value)
    },
  })
  return found
}

/**
 * WXS as a browser runs it: in WeChat `x.constructor` is the name of the type, here it is a function, so each
 * `.constructor` that is read becomes `.constructor.name`.
 */
export function portableWxs(source) {
  const changed = new MagicString(source)
  walk.simple(acorn.parse(source, { ecmaVersion: 5, sourceType: 'script', allowReserved: true }), {
    MemberExpression(node) {
      if (!node.computed && node.property.name === 'constructor') changed.appendLeft(node.end, '.name')
    },
  })
  return changed.toString()
}

export function wxsRequiredBy(source) {
  return requiredBy(source)
}
