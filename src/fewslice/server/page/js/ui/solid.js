// Structures in 3D beside the slice: a canvas that is turned by dragging it, or by arrow keys.

import { colourOf } from '../view/raster.js'
import { paintSolid, solidOf } from '../view/solid.js'
import { element } from './dom.js'

/** @typedef {import('../api/client.js').Structure} Structure */
/** @typedef {import('../view/solid.js').Triple} Triple */

const MOST = 200 // pixels along the longer side: enough for its size on the screen, and drawn in some milliseconds
const STEP = Math.PI / 12 // a press of an arrow key
const STEEPEST = Math.PI / 2

export class SolidCanvas {
  canvas = element('canvas', { class: 'solid', id: 'solid', role: 'img', tabIndex: 0, 'aria-label': 'Structures in 3D; arrow keys turn them', title: 'Drag to turn' })
  /** @type {import('../view/solid.js').Solid | null} */
  #solid = null
  /** @type {Map<number, [number, number, number]>} */
  #colours = new Map()
  #turn = { yaw: 0.6, pitch: 0.35 }
  #frame = 0

  constructor() {
    const { canvas } = this
    canvas.addEventListener('pointerdown', (event) => canvas.setPointerCapture(event.pointerId))
    canvas.addEventListener('pointermove', (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this.#turnBy(event.movementX / 90, event.movementY / 90)
    })
    canvas.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key]
      if (by === undefined) return
      event.preventDefault()
      event.stopPropagation()
      this.#turnBy(by[0], by[1])
    })
    new ResizeObserver(() => this.draw()).observe(canvas)
  }

  /** Whether there is anything to show. */
  get empty() {
    return this.#solid === null
  }

  /** @param {number} yaw @param {number} pitch */
  #turnBy(yaw, pitch) {
    const steep = Math.min(STEEPEST, Math.max(-STEEPEST, this.#turn.pitch + pitch))
    this.#turn = { yaw: this.#turn.yaw + yaw, pitch: steep }
    this.draw()
  }

  /** @param {Structure[]} structures */
  setStructures(structures) {
    this.#colours = new Map(structures.map(({ value, colour }) => [value, colourOf(colour)]))
    this.draw()
  }

  /** @param {Uint8Array} labels x running fastest @param {Triple} shape @param {Triple} spacing mm */
  setLabels(labels, shape, spacing) {
    this.#solid = solidOf(labels, shape, spacing)
    this.draw()
  }

  draw() {
    if (this.#frame !== 0) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      this.#paint()
    })
  }

  #paint() {
    const { clientWidth, clientHeight } = this.canvas
    if (clientWidth === 0 || clientHeight === 0) return
    const shrink = Math.min(1, MOST / Math.max(clientWidth, clientHeight))
    const [width, height] = [Math.round(clientWidth * shrink), Math.round(clientHeight * shrink)]
    Object.assign(this.canvas, { width, height })
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d'))
    const picture = context.createImageData(width, height)
    if (this.#solid !== null) paintSolid(this.#solid, this.#turn, { width, height }, this.#colours, new Uint32Array(picture.data.buffer))
    context.putImageData(picture, 0, 0)
  }
}
