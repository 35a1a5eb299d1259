// What the built-in elements of the host have in common.

/** Give a property an observer that is called with the element's real node and the new value. */
export function reflected(type, apply, value) {
  return {
    type,
    ...(value === undefined ? {} : { value }),
    observer(now) {
      const node = nodeOf(this)
      if (node) apply(node, now, this)
    },
  }
}

export function nodeOf(component) {
  return component.$$ ?? component.getBackendElement?.()
}

/** The accessible name and role of every element, as WeChat passes them on. */
const accessible = {
  ariaLabel: reflected(String, (node, label) => attribute(node, 'aria-label', label)),
  ariaRole: reflected(String, (node, role) => attribute(node, 'role', role)),
  ariaChecked: reflected(null, (node, checked) => attribute(node, 'aria-checked', checked === undefined || checked === null ? '' : String(checked))),
  ariaHidden: reflected(null, (node, hidden) => attribute(node, 'aria-hidden', hidden === true || hidden === 'true' ? 'true' : '')),
  ...Object.fromEntries(['Checked', 'Expanded', 'Selected'].map((state) => [`aria${state}`, reflected(null, (node, is) => attribute(node, `aria-${state.toLowerCase()}`, is))])),
}

export function attribute(node, name, value) {
  if (value === '' || value === undefined || value === null) node.removeAttribute(name)
  else node.setAttribute(name, String(value))
}

export const common = {
  ...accessible,
  hidden: reflected(Boolean, (node, hidden) => {
    node.hidden = hidden
  }),
  hoverClass: String,
  hoverStopPropagation: Boolean,
  hoverStartTime: Number,
  hoverStayTime: Number,
}
