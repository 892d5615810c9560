// The strip along the scan: one column a slice, told apart by shape and height, not by colour alone.

import { element, part, show } from './dom.js'
import { KINDS } from './slice_bar.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/page.js').Page} Page */
/** @typedef {import('../api/client.js').StripSlice} StripSlice */

const HEIGHT = 46
const ACCENT = '#6cc7f5'
const ENGINE = '#8794a1'
const UNJUDGED = '#46515d' // the engine's, where nobody says how good: slices of a plane that was not asked about
const QUIET = '#2b343f'
const LEGEND = /** @type {const} */ ([
  ['human', 'drawn'],
  ['accepted', 'accepted'],
  ['absent', 'nothing'],
  ['engine', 'engine, by expected Dice'],
  ['suggested', 'asked for']
])

export class Strip {
  #canvas = element('canvas', { id: 'strip-canvas', role: 'slider', tabIndex: 0, 'aria-label': 'Slice' })
  #here = element('span', { class: 'here' })

  /** @param {Page} page */
  constructor(page) {
    this.page = page
    const legend = LEGEND.map(([state, name]) => element('span', { class: 'key wide-only' }, sample(state), name))
    show(part('strip'), element('div', { class: 'strip-head' }, this.#here, element('div', { class: 'legend' }, legend)), this.#canvas)
    this.#canvas.addEventListener('pointerdown', (event) => {
      this.#canvas.setPointerCapture(event.pointerId)
      this.#point(event)
    })
    this.#canvas.addEventListener('pointermove', (event) => this.#canvas.hasPointerCapture(event.pointerId) && this.#point(event))
    this.#canvas.addEventListener('keydown', (event) => this.#key(event))
    new ResizeObserver(() => this.draw(page.state)).observe(this.#canvas)
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const count = this.page.state.scan?.shape[this.page.state.axis] ?? 1
    const { left, width } = this.#canvas.getBoundingClientRect()
    this.page.goTo(this.page.state.axis, Math.floor(((event.clientX - left) / width) * count))
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key]
    if (steps === undefined) return
    event.preventDefault()
    event.stopPropagation()
    this.page.step(steps)
  }

  /** @param {State} state */
  draw(state) {
    const { scan, axis, index } = state
    part('strip').hidden = scan === null
    if (scan === null) return
    const count = scan.shape[axis]
    const states = sliceStates(state, this.page, count)
    const dice = states[index].state === 'engine' ? states[index].predicted_dice : null
    this.#here.textContent = `Slice ${index + 1} of ${count}${dice === null ? '' : ` · expected Dice ${dice.toFixed(2)}`}`
    this.#canvas.setAttribute('aria-valuemin', '1')
    this.#canvas.setAttribute('aria-valuemax', String(count))
    this.#canvas.setAttribute('aria-valuenow', String(index + 1))
    this.#canvas.setAttribute('aria-valuetext', `${index + 1} of ${count}: ${KINDS[states[index].state]}${states[index].suggested ? ', asked for' : ''}`)
    const ratio = window.devicePixelRatio
    const width = this.#canvas.clientWidth
    this.#canvas.width = Math.round(width * ratio)
    this.#canvas.height = HEIGHT * ratio
    const context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext('2d'))
    context.scale(ratio, ratio)
    const column = width / count
    states.forEach((each, place) => paintColumn(context, each, place * column, column))
    context.strokeStyle = '#ffffff'
    context.lineWidth = 1.5
    context.strokeRect(index * column - 1.5, 0.75, column + 3, HEIGHT - 1.5)
  }
}

/**
 * What the server says of each slice, and what was done here since.
 * @param {State} state
 * @param {Page} page
 * @param {number} count
 * @returns {StripSlice[]}
 */
function sliceStates({ strip, axis, suggestion }, page, count) {
  /** @type {StripSlice} */
  const untold = { state: page.answers.whole === null ? 'none' : 'engine', predicted_dice: null, suggested: false }
  const states = Array.from({ length: count }, (_, index) => ({ ...(strip[index] ?? untold) }))
  for (const sheet of page.work?.sheets.known() ?? []) if (sheet.axis === axis) states[sheet.index].state = sheet.kind
  for (const each of suggestion?.slices ?? []) if (each.axis === axis && states[each.index]) states[each.index].suggested = true
  return states
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{state: StripSlice['state'], predicted_dice: number | null, suggested: boolean}} slice
 * @param {number} left
 * @param {number} width
 */
function paintColumn(context, { state, predicted_dice, suggested }, left, width) {
  const bar = Math.max(1, width - (width > 4 ? 1 : 0))
  const top = 12
  const full = HEIGHT - top - 2
  context.fillStyle = QUIET
  context.fillRect(left, HEIGHT - 4, bar, 2)
  if (state === 'engine') {
    const height = full * (predicted_dice ?? 0.5)
    context.fillStyle = predicted_dice === null ? UNJUDGED : ENGINE
    context.fillRect(left, top + full - height, bar, height)
  } else if (state === 'human' || state === 'corrected') {
    context.fillStyle = ACCENT
    context.fillRect(left, top, bar, full)
  } else if (state === 'accepted') {
    context.fillStyle = ACCENT
    context.fillRect(left, top, bar, full / 2 - 2)
    context.fillRect(left, top + full / 2 + 2, bar, full / 2 - 2)
  } else if (state === 'absent') {
    context.fillStyle = ACCENT
    context.fillRect(left, top + full - 6, bar, 6)
  } else if (state === 'present') {
    context.fillStyle = ACCENT
    context.fillRect(left, top, bar, 6)
  }
  if (!suggested) return
  const middle = left + width / 2
  context.fillStyle = '#ffffff'
  context.beginPath()
  context.moveTo(middle - 5, 1)
  context.lineTo(middle + 5, 1)
  context.lineTo(middle, 10)
  context.fill()
}

/** A swatch for the legend, drawn by the same code. @param {string} state */
function sample(state) {
  const canvas = element('canvas', { width: 28, height: 28, 'aria-hidden': 'true' })
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'))
  context.scale(2, 2)
  if (state === 'suggested') {
    context.translate(2, 2)
    paintColumn(context, { state: 'none', predicted_dice: null, suggested: true }, 0, 10)
    return canvas
  }
  context.scale(1, 14 / HEIGHT)
  paintColumn(context, { state: /** @type {StripSlice['state']} */ (state), predicted_dice: 0.7, suggested: false }, 3, 8)
  return canvas
}
