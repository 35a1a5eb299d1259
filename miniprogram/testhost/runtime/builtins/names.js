// The built-in elements of a mini program that this host has. Anything else in a page is a fault.
export const BUILTINS = new Set([
  'button', 'checkbox', 'checkbox-group', 'cover-image', 'cover-view', 'form', 'icon', 'image', 'input', 'label', 'map',
  'movable-area', 'movable-view', 'navigator', 'page-meta', 'picker', 'picker-view', 'picker-view-column', 'progress',
  'radio', 'radio-group', 'rich-text', 'root-portal', 'scroll-view', 'slider', 'swiper', 'swiper-item', 'switch', 'text',
  'textarea', 'view',
]) // prettier-ignore
