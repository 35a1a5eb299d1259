// Defines the built-in elements: those that only hold others here, each of the rest in a file of its own.
import { common } from './element.js'
import { definition as button } from './button.js'
import { definition as image } from './image.js'
import { inputDefinition, textareaDefinition } from './field.js'
import { BUILTINS } from './names.js'

const OWN = { button, image, input: inputDefinition, textarea: textareaDefinition }

/** Returns tag → component, to be made known to the mini program's code space. */
export function defineBuiltins(space, templates) {
  const template = (name) => ({ groupList: templates, content: templates[name] })
  return [...BUILTINS].map((tag) => {
    const own = OWN[tag] ?? {}
    const { properties = {}, holds = true, ...rest } = own
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
