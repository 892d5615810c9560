// The toolbar over the slice: planes, tools, the brush's size.

import { radiusAt, stepOf, STEPS } from '../draw/brush_size.js'
import { inWords } from '../view/ink.js'
import { PLANES } from '../view/plane.js'
import { element, icon, part, show } from './dom.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/page.js').Page} Page */
/** @typedef {import('../app/commands.js').Commands} Commands */

/** @type {[import('../draw/tools.js').ToolName, string, string][]} */
export const TOOLS = [
  ['brush', 'Brush', 'B'],
  ['eraser', 'Eraser', 'E'],
  ['contour', 'Contour', 'C'],
  ['polygon', 'Polygon', 'P'],
  ['fill', 'Fill', 'F'],
  ['measure', 'Measure', 'M'],
  ['pan', 'Move the picture', 'H']
]

/** @param {State} state @param {Page} page @param {Commands} commands */
export function showTools(state, page, commands) {
  const { tool, cutting, axis, scan } = state
  if (scan === null) return show(part('tools'))
  show(
    part('tools'),
    element(
      'div',
      { class: 'segmented group', role: 'radiogroup', 'aria-label': 'Plane' },
      [2, 1, 0].map((each) =>
        element(
          'button',
          { id: `plane-${each}`, role: 'radio', 'aria-checked': String(each === axis), title: 'Next plane (V)', onclick: () => page.goTo(each) },
          PLANES[each][0].toUpperCase() + PLANES[each].slice(1)
        )
      )
    ),
    element(
      'div',
      { class: 'group', role: 'group', 'aria-label': 'Tool' },
      TOOLS.map(([name, title, shortcut]) =>
        element(
          'button',
          { id: `tool-${name}`, class: 'bare square', 'aria-pressed': String(name === tool), 'aria-label': title, title: `${title} (${shortcut})`, onclick: () => page.store.set({ tool: name }) },
          icon(name)
        )
      )
    ),
    element(
      'div',
      { class: 'group' },
      element(
        'button',
        { id: 'cutting', class: 'bare square', 'aria-pressed': String(cutting), 'aria-label': 'Cut holes', title: 'Contour, polygon and fill cut holes instead of adding (X)', onclick: commands.cut },
        icon('cut')
      ),
      element('button', { id: 'fit', class: 'bare square', 'aria-label': 'Show the whole slice', title: 'Show the whole slice (Home)', onclick: commands.fit }, icon('fit'))
    ),
    brushSize(state, page)
  )
}

/** @param {State} state @param {Page} page */
function brushSize({ radius, tool, scan }, page) {
  const spacing = scan?.spacing ?? [1, 1, 1]
  // Hidden, not left out: the tools must not take another row with one tool than with the next.
  const idle = tool !== 'brush' && tool !== 'eraser'
  const change = (/** @type {Event} */ event) => page.store.set({ radius: radiusAt(Number(/** @type {HTMLInputElement} */ (event.target).value), spacing) })
  return element(
    'label',
    { class: `radius ${idle ? 'idle' : ''}`, title: 'Size of the brush ([ and ])' },
    element('input', { id: 'radius', type: 'range', min: '0', max: String(STEPS), value: String(stepOf(radius, spacing)), 'aria-label': 'Radius of the brush', oninput: change }),
    element('output', { id: 'radius-said' }, sizeInWords(radius, scan?.spacing_known))
  )
}

/** @param {number} radius mm @param {boolean} [known] whether the scan's spacing is */
const sizeInWords = (radius, known) => inWords(Number(radius.toPrecision(2)), known)

/** The size alone: the slider is not replaced, since a person may hold it. @param {State} state */
export function showRadius({ radius, scan }) {
  const [slider, said] = ['radius', 'radius-said'].map((id) => document.getElementById(id))
  if (scan === null || !(slider instanceof HTMLInputElement) || said === null) return
  slider.value = String(stepOf(radius, scan.spacing))
  said.textContent = sizeInWords(radius, scan.spacing_known)
}
