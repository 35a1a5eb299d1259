// WXSS as CSS of the browser: rpx, the names of built-in elements, imports, and the isolation of components.
import path from 'node:path'
import postcss from 'postcss'
import selectors from 'postcss-selector-parser'
import { BUILTINS } from '../runtime/builtins/names.js'

const IMPORT = /^(?:url\()?['"]?([^'")]+)['"]?\)?$/

export class Styles {
  constructor(project) {
    this.project = project
  }

  /** The style of a component; `prefix` keeps its class names apart from everybody else's. A page's holds on it alone. */
  of(place, prefix, isPage) {
    const file = `${place}.wxss`
    if (!this.project.exists(file)) return ''
    const root = this.#inlined(file, [])
    root.walkRules((rule) => {
      if (rule.parent.type === 'atrule' && /keyframes$/.test(rule.parent.name)) return
      rule.selector = selectors((tree) => rename(tree, prefix)).processSync(rule.selector)
      if (isPage && !prefix) rule.selectors = rule.selectors.map((one) => onPage(one, place))
    })
    root.walkDecls((declaration) => {
      declaration.value = declaration.value.replace(/(-?[\d.]+)rpx\b/g, (_, number) => `calc(var(--rpx) * ${number})`)
    })
    return root.toString()
  }

  #inlined(file, above) {
    const root = postcss.parse(this.project.text(file), { from: file })
    root.walkAtRules('import', (rule) => {
      const reference = IMPORT.exec(rule.params.trim())?.[1] ?? rule.params
      const found = reference.startsWith('/') ? reference.slice(1) : path.posix.join(path.posix.dirname(file), reference)
      if (!this.project.exists(found)) this.project.fault(`${file}：找不到 @import 的 ${reference}`)
      else if (!above.includes(found)) rule.before(this.#inlined(found, [...above, file]).nodes)
      rule.remove()
    })
    return root
  }
}

/** Without adding weight: a page's rules win over the app's by coming later, as in WeChat. */
function onPage(selector, place) {
  const page = `:where([data-page="${place}"])`
  return selector.startsWith('.wx-page') ? selector.replace('.wx-page', `.wx-page${page}`) : `${page} ${selector}`
}

function rename(tree, prefix) {
  tree.walkClasses((node) => {
    if (prefix) node.value = `${prefix}--${node.value}`
  })
  tree.walkTags((node) => {
    if (node.value === 'page') node.replaceWith(selectors.className({ value: 'wx-page' }))
    else if (BUILTINS.has(node.value)) node.value = `wx-${node.value}`
  })
  tree.walkPseudos((node) => {
    if (node.value !== ':host') return
    node.replaceWith(selectors.attribute({ attribute: 'wx-host', operator: '=', value: prefix ?? '', quoteMark: '"', raws: {} }))
  })
}
