// Defines the built-in elements: those that only hold others here, each of the rest in a file of its own.
import { common } from './element.js'
import { definition as button } from './button.js'
import { inputDefinition, textareaDefinition } from './field.js'
import { choices } from './choices.js'
import { definition as image } from './image.js'
import { definition as map } from './map.js'
import { definition as navigator } from './navigator.js'
import { definition as pageMeta } from './page-meta.js'
import { definition as picker } from './picker.js'
import { scrolling } from './scrolling.js'
import { showing } from './showing.js'
import { BUILTINS } from './names.js'

const OWN = { button, image, input: inputDefinition, textarea: textareaDefinition, map, navigator, 'page-meta': pageMeta, picker, ...choices, ...scrolling, ...showing }

/** Returns tag → component, to be made known to the mini program's code space. */
export function defineBuiltins(space, templates) {
  const template = (name) => ({ groupList: templates, content: templates[name] })
  return [...BUILTINS].map((tag) => {
    const { properties = {}, holds = true, ...rest } = OWN[tag] ?? {}
    const component = space.defineComponent({
      is: `__wx/${tag}`,
      options: { virtualHost: false },
      template: template(holds ? 'slot' : 'empty'),
      properties: { ...common, ...properties },
      ...rest,
    })
    return [tag, component]
  })
}
