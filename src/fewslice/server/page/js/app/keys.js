// The keyboard: one table that acts and that `?` shows.

import { radiusAt, stepOf } from '../draw/brush_size.js'
import { TOOLS } from '../ui/tools.js'

/** @typedef {import('./commands.js').Commands} Commands */
/** @typedef {import('./page.js').Page} Page */
/** @typedef {import('./pen.js').Pen} Pen */
/**
 * @typedef {object} Binding
 * @property {string} group
 * @property {string[]} shown keys as people read them
 * @property {string} what
 * @property {string[]} keys as `KeyboardEvent.key` has them, with `Ctrl+` and `Shift+` before
 * @property {(event: KeyboardEvent) => void} act
 * @property {boolean} [onSlice] only while the slice has the focus
 */

/** What the mouse does beside drawing, which acts elsewhere. @type {[string, string][]} */
const MOUSE = [
  ['Wheel', 'Previous and next slice'],
  ['Ctrl+Wheel', 'Zoom in and out'],
  ['Right button', 'Drag: to the right a wider intensity window, upwards a darker image'],
  ['Middle button', 'Drag: move the picture; so does the left one with Shift']
]

/** @param {Page} page @param {Pen} pen @param {Commands} commands @returns {Binding[]} */
export function bindingsOf(page, pen, commands) {
  const { store } = page
  const size = (/** @type {number} */ steps) => () => resize(page, steps)
  /** @type {(group: string, what: string, keys: string[], act: Binding['act'], shown?: string[]) => Binding} */
  const bind = (group, what, keys, act, shown = keys.map((name) => name.toUpperCase())) => ({ group, what, keys, act, shown })
  return [
    bind('The loop', 'Segment the volume', ['s'], commands.segment),
    bind('The loop', 'Go to the slice or scan that helps most', ['g'], commands.next),
    bind('The loop', 'Yes, something is on this slice', ['y'], commands.yes),
    bind('The loop', 'No, nothing is on it', ['n'], commands.no),
    bind('The loop', 'Accept the engine’s outline on this slice', ['a'], commands.acceptSlice),
    bind('The loop', 'Correct the engine’s outline', ['r'], commands.correctSlice),
    bind('The loop', 'Nothing on this slice', ['k'], commands.absent),
    bind('The loop', 'Not looked at: take back what was said of this slice', ['i'], commands.erase),
    bind('Changes', 'Undo', ['Ctrl+z', 'z'], commands.undo, ['Ctrl+Z', 'Z']),
    bind('Changes', 'Redo', ['Ctrl+y', 'Ctrl+Shift+Z', 'Shift+Z'], commands.redo, ['Ctrl+Y', 'Shift+Z']),
    ...TOOLS.map(([name, title, shortcut]) => bind('Tools', title, [shortcut.toLowerCase()], () => store.set({ tool: name }))),
    bind('Tools', 'Contour, polygon and fill cut holes', ['x'], commands.cut),
    bind('Tools', 'Smaller and larger brush', ['['], size(-1), ['[', ']']),
    { ...bind('Tools', '', [']'], size(1)), shown: [] },
    bind('Tools', 'Structure 1 to 9; background', '123456789'.split(''), (event) => chooseStructure(page, Number(event.key)), ['1–9', '0']),
    { ...bind('Tools', '', ['0'], () => page.choose(0)), shown: [] },
    bind('Tools', 'Lock or unlock the structure', ['l'], commands.lock),
    bind('Tools', 'Drop an unfinished outline or a measurement; close this list', ['Escape'], commands.drop, ['Esc']),
    bind('Tools', 'Take the last corner of a polygon back', ['Backspace'], () => back(pen)),
    { ...bind('By keyboard alone', 'Pen down, pen up; a corner of a polygon', ['Enter'], () => pen.toggle()), onSlice: true },
    { ...bind('By keyboard alone', 'Close a polygon', ['Shift+Enter'], () => pen.finish(), ['Shift+Enter']), onSlice: true },
    { ...bind('By keyboard alone', 'Move the crosshair by one voxel, with Shift by ten', arrows(), (event) => nudge(pen, event), ['← ↑ → ↓']), onSlice: true },
    bind('Slices', 'Previous and next slice', [',', 'PageDown'], () => page.step(-1), [',', '.']),
    { ...bind('Slices', '', ['.', 'PageUp'], () => page.step(1)), shown: [] },
    bind('Slices', 'Next plane', ['v'], commands.plane),
    bind('View', 'Next intensity window', ['w'], commands.window),
    bind('View', 'Next channel of the scan', ['j'], commands.channel),
    bind('View', 'Drawing', ['d'], commands.drawing),
    bind('View', 'Engine’s answer', ['o'], commands.answer),
    bind('View', 'Uncertainty', ['u'], commands.heat),
    bind('View', 'Zoom in and out', ['+', '='], () => commands.zoom(1.25), ['+', '-']),
    { ...bind('View', '', ['-'], () => commands.zoom(0.8)), shown: [] },
    bind('View', 'Show the whole slice', ['Home'], commands.fit, ['Home']),
    bind('View', 'This list', ['?'], commands.help, ['?']),
    ...MOUSE.map(([shown, what]) => bind('With the mouse', what, [], () => {}, [shown]))
  ]
}

const arrows = () => ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].flatMap((name) => [name, `Shift+${name}`])

/** @param {Pen} pen @param {KeyboardEvent} event */
function nudge(pen, { key, shiftKey }) {
  const step = shiftKey ? 10 : 1
  const right = { ArrowLeft: -step, ArrowRight: step }[key] ?? 0
  const down = { ArrowUp: -step, ArrowDown: step }[key] ?? 0
  pen.nudge(right, down)
}

/** @param {Page} page @param {number} steps */
function resize({ store, state: { radius, scan } }, steps) {
  if (scan !== null) store.set({ radius: radiusAt(stepOf(radius, scan.spacing) + steps, scan.spacing) })
}

/** @param {Pen} pen */
function back(pen) {
  pen.polygon.back()
  pen.view.cursorMoved()
}

/** @param {Page} page @param {number} place from 1 */
function chooseStructure(page, place) {
  const structure = page.state.project?.structures[place - 1]
  if (structure !== undefined) page.choose(structure.value)
}

/** @param {KeyboardEvent} event */
function nameOf({ key, ctrlKey, metaKey, shiftKey }) {
  const shifted = shiftKey && (key.length > 1 || /[a-z]/i.test(key))
  return `${ctrlKey || metaKey ? 'Ctrl+' : ''}${shifted ? 'Shift+' : ''}${shifted && key.length === 1 ? key.toUpperCase() : key}`
}

/** @param {Binding[]} bindings @param {HTMLElement} slice @param {() => void} onAny */
export function listenToKeys(bindings, slice, onAny) {
  document.addEventListener('keydown', (event) => {
    const target = /** @type {HTMLElement} */ (event.target)
    const typing = target.matches('input:not([type=checkbox]):not([type=range]), select, textarea')
    if (event.altKey || (typing && event.key !== 'Escape')) return
    const name = nameOf(event)
    const binding = bindings.find(({ keys, onSlice }) => keys.includes(name) && (!onSlice || target === slice))
    if (binding === undefined) return
    event.preventDefault()
    onAny()
    binding.act(event)
  })
}
