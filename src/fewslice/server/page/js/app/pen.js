// Mouse, pen, finger and keyboard on the slice: who paints, who moves the picture, and where the crosshair is.

import { BACKGROUND } from '../draw/grid.js'
import { Stroke } from '../draw/stroke.js'
import { brushTool, contourTool, fillTool, polygonTool } from '../draw/tools.js'

/** @typedef {import('./page.js').Page} Page */
/** @typedef {import('../view/slice_view.js').SliceView} SliceView */
/** @typedef {import('../draw/grid.js').Point} Point */
/** @typedef {import('../draw/tools.js').Tool} Tool */
/** @typedef {{x: number, y: number}} Pixel */

const CLOSE = 10 // CSS pixels within which a click means a polygon's first corner

export class Pen {
  /** @type {Point | null} where the pointer or the keyboard's crosshair is */
  point = null
  /** @type {[Point, Point] | null} what was measured last on this slice */
  measured = null
  byKeyboard = false
  #measuring = false
  /** @type {Map<number, Pixel>} pointers that are down */
  #pointers = new Map()
  /** Whether this person draws with a pen: then a finger, or the ball of the hand, draws nothing. */
  #withPen = false
  /** @type {number | null} the pen that is down */
  #penDown = null
  /** @type {'draw' | 'pan' | 'window' | 'pinch' | null} */
  #gesture = null
  polygon = polygonTool()
  /** @type {Record<string, Tool>} */
  #tools = {
    brush: brushTool('brush'),
    eraser: brushTool('eraser'),
    contour: contourTool(),
    polygon: this.polygon,
    fill: fillTool()
  }

  /**
   * @param {Page} page
   * @param {SliceView} view
   */
  constructor(page, view) {
    this.page = page
    this.view = view
    const { parent } = view
    parent.addEventListener('pointerdown', (event) => this.#down(event))
    parent.addEventListener('pointermove', (event) => this.#move(event))
    parent.addEventListener('pointerup', (event) => this.#up(event))
    parent.addEventListener('pointercancel', (event) => this.#lost(event))
    parent.addEventListener('pointerleave', () => this.#left())
    parent.addEventListener('dblclick', () => this.polygon.busy && this.finish())
    parent.addEventListener('wheel', (event) => this.#wheel(event), { passive: false })
    parent.addEventListener('contextmenu', (event) => event.preventDefault())
  }

  /** @returns {Tool | undefined} undefined for tools that draw nothing */
  get tool() {
    return this.#tools[this.page.state.tool]
  }

  /** Points of an outline that is not closed yet. */
  get open() {
    return this.tool?.points ?? []
  }

  /** Radius of the brush in voxels along both axes; the smallest brush is one voxel. */
  get radius() {
    const [s1, s2] = this.view.viewport.plane.spacing
    const { radius } = this.page.state
    return { a: Math.max(0.5, radius / s1), b: Math.max(0.5, radius / s2) }
  }

  /** @returns {import('../draw/tools.js').Board | null} */
  #board() {
    const { page, view } = this
    const labels = page.sheet?.labels ?? null
    if (labels === null) return null
    const { grid } = view.viewport.plane
    return {
      grid,
      labels,
      value: page.state.value,
      radius: this.radius,
      cutting: page.state.cutting,
      begin: (value, only) => this.#begin(labels, value, only),
      show: (box) => box && view.labelsChanged(box),
      commit: (stroke, tool) => page.editing.commit(stroke, tool),
      near: (one, other) => this.#apart(one, other) <= CLOSE,
      say: (sentence) => page.say(sentence)
    }
  }

  /**
   * @param {Uint8Array} labels
   * @param {number} value
   * @param {number} [only]
   */
  #begin(labels, value, only) {
    const { page } = this
    if (page.editing.refusesPen()) return null
    if (value !== BACKGROUND && page.locked.has(value)) {
      page.say('This structure is locked: unlock it in the list before you draw it.')
      return null
    }
    page.editing.hold()
    return new Stroke(labels, this.view.viewport.plane.grid, value, { locked: page.locked, only })
  }

  /**
   * @param {Point} one
   * @param {Point} other
   */
  #apart(one, other) {
    const from = this.view.viewport.toPixel(one)
    const to = this.view.viewport.toPixel(other)
    return Math.hypot(from.x - to.x, from.y - to.y)
  }

  /** @param {MouseEvent} event */
  #pixel(event) {
    const frame = this.view.parent.getBoundingClientRect()
    return { x: event.clientX - frame.left, y: event.clientY - frame.top }
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (this.page.state.scan === null) return
    if (event.pointerType === 'touch' && this.#penDown !== null) return // the hand that holds the pen
    if (event.pointerType === 'pen') {
      this.#withPen = true
      this.#penDown = event.pointerId
      if (this.#pointers.size > 0) this.#drop() // what touched before was the hand as well
      this.#pointers.clear()
    }
    this.view.parent.setPointerCapture(event.pointerId)
    this.view.parent.focus({ preventScroll: true })
    const pixel = this.#pixel(event)
    this.#pointers.set(event.pointerId, pixel)
    this.byKeyboard = false
    if (this.#pointers.size === 2) return this.#pinch()
    this.#gesture = this.#gestureOf(event)
    this.point = this.view.viewport.toVoxel(pixel)
    if (this.#gesture === 'draw') this.press()
    this.view.cursorMoved()
  }

  /** @param {PointerEvent} event */
  #gestureOf({ button, shiftKey, pointerType }) {
    if (button === 2) return 'window'
    if (button === 1 || shiftKey || (pointerType === 'touch' && this.#withPen) || this.page.state.tool === 'pan') return 'pan'
    return 'draw'
  }

  /** A second finger: the first one was not meant to draw. */
  #pinch() {
    this.#drop()
    this.#gesture = 'pinch'
  }

  /** Takes a stroke away that was not meant. */
  #drop() {
    const board = this.#board()
    if (board !== null) this.tool?.cancel(board)
    this.page.editing.letGo()
    this.view.inkChanged()
  }

  /** @param {PointerEvent} event */
  #move(event) {
    this.page.sync.time.touch()
    const last = this.#pointers.get(event.pointerId)
    if (last === undefined && event.pointerType === 'touch') return // it is on the glass, but was not taken
    const pixel = this.#pixel(event)
    if (last !== undefined) this.#pointers.set(event.pointerId, pixel)
    this.byKeyboard = false
    if (last === undefined || this.#gesture === 'draw') {
      const events = last === undefined ? [event] : event.getCoalescedEvents()
      for (const each of events.length > 0 ? events : [event]) this.drag(this.view.viewport.toVoxel(this.#pixel(each)))
    } else if (this.#gesture === 'pan') this.#pan(last, pixel)
    else if (this.#gesture === 'window') this.#window(last, pixel)
    else if (this.#gesture === 'pinch') this.#zoomFingers(event.pointerId, last, pixel)
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (!this.#pointers.delete(event.pointerId)) return
    if (event.pointerId === this.#penDown) this.#penDown = null
    if (this.#gesture === 'draw') this.lift()
    if (this.#pointers.size === 0) this.#gesture = null
    if (event.pointerType === 'touch') this.#left()
  }

  /** The system took the pointer away: what was drawn with it up to here stays, as one stroke. */
  /** @param {PointerEvent} event */
  #lost(event) {
    this.#up(event)
  }

  #left() {
    if (this.#gesture !== null || this.byKeyboard) return
    this.point = null
    this.view.cursorMoved()
  }

  /** The pen touches the slice where the crosshair is. */
  press() {
    const { tool: name } = this.page.state
    this.page.sync.time.touch()
    if (this.point === null) return
    if (name === 'measure') {
      this.measured = [this.point, this.point]
      this.#measuring = true
    }
    const board = this.#board()
    if (board !== null) this.tool?.down(board, this.point)
    this.view.inkChanged()
  }

  /** @param {Point} point where the pen is now, down or not */
  drag(point) {
    this.point = point
    const board = this.#board()
    if (board !== null) this.tool?.move(board, point)
    if (this.#measuring && this.measured !== null) {
      this.measured = [this.measured[0], point]
      this.view.parent.dataset.measured = String(this.view.viewport.millimetres(...this.measured))
      this.view.inkChanged()
    }
    this.view.cursorMoved()
  }

  lift() {
    this.#measuring = false
    const board = this.#board()
    if (board !== null && this.point !== null) this.tool?.up(board, this.point)
    this.view.inkChanged()
    this.view.cursorMoved()
  }

  /** Whether the pen is down or an outline open. */
  get busy() {
    return this.#measuring || this.tool?.busy === true
  }

  /** Closes an open polygon. */
  finish() {
    const board = this.#board()
    if (board !== null) this.polygon.finish(board)
    this.view.inkChanged()
    this.view.cursorMoved()
  }

  /** Takes an unfinished stroke, outline or measurement away. @returns {boolean} whether there was one */
  cancel() {
    const had = this.busy || this.measured !== null
    const board = this.#board()
    if (board !== null) for (const tool of Object.values(this.#tools)) tool.cancel(board)
    this.page.editing.letGo()
    this.measured = null
    this.#measuring = false
    this.view.inkChanged()
    this.view.cursorMoved()
    return had
  }

  /** The keyboard's Enter: pen down, or up again. */
  toggle() {
    this.point ??= this.#middle()
    this.byKeyboard = true
    const { tool } = this.page.state
    const stays = tool === 'brush' || tool === 'eraser' || tool === 'contour' || tool === 'measure'
    if (stays && this.busy) this.lift()
    else this.press()
    this.view.cursorMoved()
  }

  /**
   * The keyboard's arrows: moves the crosshair across the screen, by voxels.
   * @param {number} right
   * @param {number} down
   */
  nudge(right, down) {
    const { plane } = this.view.viewport
    const { a, b } = this.point ?? this.#middle()
    this.byKeyboard = true
    this.page.sync.time.touch()
    const clamp = (/** @type {number} */ place, /** @type {number} */ count) => Math.min(count - 1, Math.max(0, Math.round(place)))
    this.drag({ a: clamp(a + right * plane.right, plane.grid.n1), b: clamp(b + down * plane.down, plane.grid.n2) })
  }

  #middle() {
    const { n1, n2 } = this.view.viewport.plane.grid
    return { a: Math.floor(n1 / 2), b: Math.floor(n2 / 2) }
  }

  /**
   * @param {Pixel} from
   * @param {Pixel} to
   */
  #pan(from, to) {
    this.view.viewport.panX += to.x - from.x
    this.view.viewport.panY += to.y - from.y
    this.view.moved()
  }

  /**
   * Right button: to the right is more contrast range, upwards is darker, as in radiology's viewers.
   * @param {Pixel} from
   * @param {Pixel} to
   */
  #window(from, to) {
    const { low, high } = this.page.state.window
    const width = Math.max(1e-3, (high - low) * Math.exp((to.x - from.x) / 200))
    const centre = (low + high) / 2 - ((to.y - from.y) / 300) * (high - low)
    this.page.store.set({ window: { low: centre - width / 2, high: centre + width / 2 } })
  }

  /**
   * @param {number} moved
   * @param {Pixel} from
   * @param {Pixel} to
   */
  #zoomFingers(moved, from, to) {
    const other = [...this.#pointers].find(([id]) => id !== moved)?.[1]
    if (other === undefined) return
    const before = Math.hypot(from.x - other.x, from.y - other.y)
    const after = Math.hypot(to.x - other.x, to.y - other.y)
    this.view.viewport.panX += (to.x - from.x) / 2
    this.view.viewport.panY += (to.y - from.y) / 2
    if (before > 0 && after > 0) this.view.viewport.zoomAt(after / before, { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 })
    this.view.moved()
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault()
    this.page.sync.time.touch()
    if (event.ctrlKey || event.metaKey) {
      this.view.viewport.zoomAt(Math.exp(-event.deltaY / 300), this.#pixel(event))
      this.view.moved()
    } else if (!this.busy) this.page.step(event.deltaY > 0 ? -1 : 1)
  }
}
