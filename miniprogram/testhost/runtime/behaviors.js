// The behaviours that WeChat has built in and names by a string.
const KNOWN = new Set(['wx://form-field', 'wx://form-field-group', 'wx://form-field-button', 'wx://component-export'])

export function builtinBehavior(name, registration) {
  if (!KNOWN.has(name)) throw new Error(`the host has no behaviour ${name}`)
  const properties = name === 'wx://form-field' ? { name: String, value: null } : {}
  return registration.Behavior({ properties })
}
