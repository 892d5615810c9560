// The slice in hand on the screen: canvases over each other, each drawn anew only when what it shows changes.
//   image, heat, drawing: one pixel a voxel, scaled and mirrored by the compositor
//   engine, ink, cursor:  screen pixels; hatching and outlines, whose width does not grow with the zoom

import { NOT_LOOKED_AT } from '../draw/grid.js'
import { labelsIn, outlines } from './outline.js'
import { colourOf, heatColours, paintGrey, paintLabels, pixelOf } from './raster.js'
import { Viewport } from './viewport.js'

/** @typedef {import('./nifti.js').Volume} Volume */
/** @typedef {import('./plane.js').Plane} Plane */
/** @typedef {import('./raster.js').Window} Window */
/** @typedef {import('../draw/grid.js').Box} Box */
/** @typedef {import('../draw/grid.js').Point} Point */
/** @typedef {{value: number, colour: string}} Coloured */
/** @typedef {(ink: CanvasRenderingContext2D, viewport: Viewport) => void} Painter */

const HEAT = heatColours()

/**
 * @param {HTMLElement} parent
 * @param {string} kind
 */
function layer(parent, kind) {
  const canvas = document.createElement('canvas')
  canvas.className = kind
  canvas.setAttribute('aria-hidden', 'true')
  parent.append(canvas)
  const context = canvas.getContext('2d')
  if (context === null) throw new Error('This browser shows no canvas: use a current Firefox, Chrome, Edge or Safari.')
  return context
}

export class SliceView {
  #frame = 0
  /** @type {Set<'voxels' | 'engine' | 'ink' | 'cursor'>} */
  #stale = new Set()
  /** @type {Map<number, Path2D>} */
  #drawnPaths = new Map()
  /** @type {Map<number, Path2D>} */
  #enginePaths = new Map()
  /** @type {Uint8Array | null} */
  #labels = null
  #colours = new Uint32Array(256)
  #hatches = new Map()

  /**
   * @param {HTMLElement} parent
   * @param {Plane} plane
   */
  constructor(parent, plane) {
    this.parent = parent
    this.viewport = new Viewport(plane)
    this.image = layer(parent, 'voxels image smooth')
    this.heat = layer(parent, 'voxels heat smooth')
    this.engine = layer(parent, 'sheet engine')
    this.drawing = layer(parent, 'voxels drawing')
    this.ink = layer(parent, 'sheet ink')
    this.cursor = layer(parent, 'sheet cursor')
    this.opacity = 0.4
    this.shown = { drawing: true, engine: true, heat: false }
    /** @type {Map<number, string>} */
    this.structureColours = new Map()
    /** @type {Painter} draws what moves with the pen */
    this.paintCursor = () => {}
    /** @type {Painter} draws measurements and letters */
    this.paintInk = () => {}
    new ResizeObserver(() => this.resize()).observe(parent)
    this.setPlane(plane)
    this.resize()
  }

  /** @param {Plane} plane */
  setPlane(plane) {
    this.viewport.plane = plane
    for (const { canvas } of [this.image, this.heat, this.drawing]) {
      canvas.width = plane.grid.n1
      canvas.height = plane.grid.n2
    }
    this.#labels = null
    this.#drawnPaths.clear()
    this.#enginePaths.clear()
    this.moved()
  }

  resize() {
    const { clientWidth, clientHeight } = this.parent
    const ratio = window.devicePixelRatio
    Object.assign(this.viewport, { width: clientWidth, height: clientHeight })
    for (const context of [this.engine, this.ink, this.cursor]) {
      context.canvas.width = Math.round(clientWidth * ratio)
      context.canvas.height = Math.round(clientHeight * ratio)
    }
    this.moved()
  }

  /** The viewport changed: everything lies elsewhere. */
  moved() {
    this.#later('voxels', 'engine', 'ink', 'cursor')
  }

  /** @param {Coloured[]} structures */
  setStructures(structures) {
    this.structureColours = new Map(structures.map(({ value, colour }) => [value, colour]))
    this.#recolour()
  }

  /** @param {number} opacity 0 to 1 */
  setOpacity(opacity) {
    this.opacity = opacity
    this.#recolour()
  }

  #recolour() {
    this.#colours.fill(0)
    for (const [value, colour] of this.structureColours) this.#colours[value] = pixelOf(colourOf(colour), this.opacity)
    this.#colours[NOT_LOOKED_AT] = pixelOf([150, 160, 170], 0.55)
    if (this.#labels !== null) this.labelsChanged()
    this.#later('engine', 'ink')
  }

  /**
   * @param {Volume} volume
   * @param {number} index
   * @param {Window} window
   */
  showImage(volume, index, window) {
    const { axis, grid } = this.viewport.plane
    const picture = this.image.createImageData(grid.n1, grid.n2)
    paintGrey(volume, axis, index, window, new Uint32Array(picture.data.buffer))
    this.image.putImageData(picture, 0, 0)
  }

  /** @param {Uint8Array} labels shown as they are when `labelsChanged` is called */
  showLabels(labels) {
    this.#labels = labels
    this.labelsChanged()
  }

  /** @param {Box} [box] what changed; everything unless named */
  labelsChanged(box) {
    const { grid } = this.viewport.plane
    const labels = this.#labels
    if (labels === null) return
    const part = box ?? { a0: 0, b0: 0, a1: grid.n1, b1: grid.n2 }
    const picture = this.drawing.createImageData(part.a1 - part.a0, part.b1 - part.b0)
    paintLabels(labels, grid, part, this.#colours, new Uint32Array(picture.data.buffer))
    this.drawing.putImageData(picture, part.a0, part.b0)
    this.#drawnPaths.clear()
    for (const value of labelsIn(labels)) this.#drawnPaths.set(value, pathOf(outlines(labels, grid, value)))
    this.#later('ink')
  }

  /** @param {Uint8Array | null} answer labels of this slice that nobody drew on it: the engine's, and of slices that cross it */
  showAnswer(answer) {
    const { grid } = this.viewport.plane
    this.#enginePaths.clear()
    for (const value of answer === null ? [] : labelsIn(answer)) {
      this.#enginePaths.set(value, pathOf(outlines(/** @type {Uint8Array} */ (answer), grid, value)))
    }
    this.#later('engine')
  }

  /** @param {Uint8Array | null} levels of uncertainty, 0 to 255 */
  showHeat(levels) {
    const { grid } = this.viewport.plane
    this.heat.clearRect(0, 0, grid.n1, grid.n2)
    if (levels === null) return
    const picture = this.heat.createImageData(grid.n1, grid.n2)
    paintLabels(levels, grid, { a0: 0, b0: 0, a1: grid.n1, b1: grid.n2 }, HEAT, new Uint32Array(picture.data.buffer))
    this.heat.putImageData(picture, 0, 0)
  }

  /** @param {Partial<SliceView['shown']>} shown */
  setShown(shown) {
    Object.assign(this.shown, shown)
    this.heat.canvas.hidden = !this.shown.heat
    this.drawing.canvas.hidden = !this.shown.drawing
    this.#later('engine', 'ink')
  }

  /** @param {boolean} smooth whether the image is interpolated between voxels */
  setSmooth(smooth) {
    for (const { canvas } of [this.image, this.heat]) canvas.classList.toggle('smooth', smooth)
  }

  cursorMoved() {
    this.#later('cursor')
  }

  inkChanged() {
    this.#later('ink')
  }

  /** @param {('voxels' | 'engine' | 'ink' | 'cursor')[]} parts */
  #later(...parts) {
    for (const part of parts) this.#stale.add(part)
    if (this.#frame !== 0) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      this.draw()
    })
  }

  /** Draws now what is not as it should be. */
  draw() {
    const stale = [...this.#stale]
    this.#stale.clear()
    if (stale.includes('voxels')) this.#placeVoxels()
    if (stale.includes('engine')) this.#drawEngine()
    if (stale.includes('ink')) this.#drawInk()
    if (stale.includes('cursor')) this.#sheet(this.cursor, this.paintCursor)
  }

  #placeVoxels() {
    const { left, top, alongX, alongY } = this.viewport.map
    // A pixel's corner lies half a voxel before its centre.
    const place = `matrix(${alongX}, 0, 0, ${alongY}, ${left - alongX / 2}, ${top - alongY / 2})`
    for (const { canvas } of [this.image, this.heat, this.drawing]) canvas.style.transform = place
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Painter} paint
   */
  #sheet(context, paint) {
    const ratio = window.devicePixelRatio
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, context.canvas.width, context.canvas.height)
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    paint(context, this.viewport)
  }

  /** What nobody drew on this slice is hatched and has dashed outlines: nobody takes it for what can be edited. */
  #drawEngine() {
    // Chromium was seen to go on showing what a canvas held before it was cleared: an empty one is hidden.
    this.engine.canvas.hidden = !this.shown.engine || this.#enginePaths.size === 0
    this.#sheet(this.engine, (context) => {
      if (!this.shown.engine) return
      for (const [value, path] of this.#placed(this.#enginePaths)) {
        const colour = this.structureColours.get(value) ?? '#ffffff'
        context.globalAlpha = Math.min(1, this.opacity + 0.25)
        context.fillStyle = this.#hatch(context, colour)
        context.fill(path, 'evenodd')
        context.globalAlpha = 1
        strokeTwice(context, path, colour, [5, 4])
      }
    })
  }

  #drawInk() {
    this.#sheet(this.ink, (context, viewport) => {
      if (this.shown.drawing) {
        for (const [value, path] of this.#placed(this.#drawnPaths)) {
          strokeTwice(context, path, value === NOT_LOOKED_AT ? '#a3b0bd' : (this.structureColours.get(value) ?? '#ffffff'), [])
        }
      }
      this.paintInk(context, viewport)
    })
  }

  /** @param {Map<number, Path2D>} paths in voxels */
  *#placed(paths) {
    const { left, top, alongX, alongY } = this.viewport.map
    const matrix = new DOMMatrix([alongX, 0, 0, alongY, left, top])
    for (const [value, path] of paths) {
      const placed = new Path2D()
      placed.addPath(path, matrix)
      yield /** @type {const} */ ([value, placed])
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {string} colour
   */
  #hatch(context, colour) {
    const known = this.#hatches.get(colour)
    if (known !== undefined) return known
    const tile = new OffscreenCanvas(8, 8)
    const line = /** @type {OffscreenCanvasRenderingContext2D} */ (tile.getContext('2d'))
    line.strokeStyle = colour
    line.lineWidth = 1.6
    line.beginPath()
    for (const shift of [-8, 0, 8]) {
      line.moveTo(shift - 1, 9)
      line.lineTo(shift + 9, -1)
    }
    line.stroke()
    const pattern = /** @type {CanvasPattern} */ (context.createPattern(tile, 'repeat'))
    this.#hatches.set(colour, pattern)
    return pattern
  }
}

/** @param {import('./outline.js').Loops} loops */
function pathOf(loops) {
  const path = new Path2D()
  for (const loop of loops) {
    path.moveTo(loop[0], loop[1])
    for (let at = 2; at < loop.length; at += 2) path.lineTo(loop[at], loop[at + 1])
    path.closePath()
  }
  return path
}

/**
 * A line that stands out on any grey: dark below, in colour above.
 * @param {CanvasRenderingContext2D} context
 * @param {Path2D} path
 * @param {string} colour
 * @param {number[]} dashes
 */
export function strokeTwice(context, path, colour, dashes) {
  context.setLineDash([])
  context.strokeStyle = 'rgb(0 0 0 / 55%)'
  context.lineWidth = 3
  context.stroke(path)
  context.setLineDash(dashes)
  context.strokeStyle = colour
  context.lineWidth = 1.5
  context.stroke(path)
  context.setLineDash([])
}
