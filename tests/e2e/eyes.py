"""For everybody's eyes and thumbs: what is hard to see, to touch or to hear on the page that a phone shows."""

from __future__ import annotations

from tests.browser import wcag_faults
from tests.e2e.conftest import MiniProgram

# What can be tapped: it has a name that a screen reader says, and is no smaller than a thumb.
_LOOK = """() => {
  const seen = (node) => { const box = node.getBoundingClientRect(); return box.width > 0 && box.height > 0 }
  const roles = ['button', 'link', 'radio', 'checkbox', 'textbox', 'switch', 'tab']
  const faults = []
  const say = (node, what) => faults.push(`${node.outerHTML.slice(0, 160)}: ${what}`)
  const controls = [...document.querySelectorAll('#pages *')].filter((node) => seen(node) && (
    roles.includes(node.getAttribute('role')) || ['INPUT', 'TEXTAREA'].includes(node.tagName)))
  for (const node of controls) {
    const outer = node.closest('wx-input, wx-textarea') ?? node
    const named = [node, outer].some((one) => one.getAttribute('aria-label')) || node.innerText?.trim()
    if (!named) say(node, 'has no name')
    const box = outer.getBoundingClientRect()
    if (Math.min(box.width, box.height) < 43.5) say(node, `is ${box.width.toFixed(0)} x ${box.height.toFixed(0)}`)
  }
  const rgb = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const light = (colour) => colour.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0)
  const grounds = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const style = getComputedStyle(one)
      const drawn = style.backgroundImage.match(/rgba?\\([^)]*\\)/g)
      if (drawn) return drawn.map(rgb)
      const ground = rgb(style.backgroundColor)
      if (ground.length && (ground[3] ?? 1) > 0.9) return [ground]
    }
    return [[255, 255, 255]]
  }
  const walker = document.createTreeWalker(document.getElementById('pages'), NodeFilter.SHOW_TEXT)
  for (let text; (text = walker.nextNode());) {
    const node = text.parentElement
    if (!text.data.trim() || !seen(node) || node.closest('wx-map, svg, style, [aria-disabled=true]')) continue
    const style = getComputedStyle(node)
    const size = parseFloat(style.fontSize)
    const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5
    for (const ground of grounds(node)) {
      const [a, b] = [light(rgb(style.color)), light(ground)].sort((x, y) => y - x)
      const ratio = (a + 0.05) / (b + 0.05)
      if (ratio < needed) say(node, `contrast ${ratio.toFixed(2)} of ${style.color} on rgb(${ground.slice(0, 3)})`)
    }
  }
  if (document.documentElement.scrollWidth > innerWidth + 1) {
    const right = (node) => node.getBoundingClientRect().right
    const wide = [...document.querySelectorAll('#pages *')].filter((node) => right(node) > innerWidth + 1)
    say(wide.at(-1) ?? document.body, 'is wider than the phone')
  }
  return [...new Set(faults)]
}"""

_LARGEST = 1.4  # WeChat's largest size of type
# Contrast is measured below, on every ground. A card's name is the short form of what stands on it, for the ear; and a
# phone scrolls by the finger, not by a keyboard.
_LEFT_OUT = ("color-contrast", "label-content-name-mismatch", "scrollable-region-focusable")
_STILL = "* { transition: none !important; animation: none !important }"


def looked_over(mini: MiniProgram, name: str) -> list[str]:
    """What is wrong with the page that is shown: on narrow, usual and wide phones, in the dark, in large type.

    The page is started once and changes in place, as when somebody turns a knob of the phone.
    """
    mini.settle()
    mini.page.add_style_tag(content=_STILL)
    mini.page.evaluate("document.querySelectorAll('.wx-toast').forEach((passing) => passing.remove())")
    faults = wcag_faults(mini.page, "#pages", _LEFT_OUT)
    for width in (430, 375, 320):
        faults += _look(mini, width, name, str(width))
    mini.page.emulate_media(color_scheme="dark")
    faults += _look(mini, 320, name, "dark")
    mini.page.emulate_media(color_scheme="light")
    mini.page.evaluate(f"window.__PHONE__.setFontScale({_LARGEST})")
    faults += _look(mini, 320, name, "large")
    mini.page.evaluate("window.__PHONE__.setFontScale(1)")
    return [f"{name}: {fault}" for fault in dict.fromkeys(faults)]


def _look(mini: MiniProgram, width: int, name: str, how: str) -> list[str]:
    mini.page.set_viewport_size({"width": width, "height": 740})
    mini.picture(f"{name}-{how}")
    found: list[str] = mini.page.evaluate(_LOOK)
    return [f"{how}: {fault}" for fault in found]
