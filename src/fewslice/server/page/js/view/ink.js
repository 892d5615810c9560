// What lies over the slice in screen pixels: letters of directions, a scale, measurements, the pen.

import { strokeTwice } from './slice_view.js'

/** @typedef {import('./viewport.js').Viewport} Viewport */
/** @typedef {import('../draw/grid.js').Point} Point */
/** @typedef {import('../app/pen.js').Pen} Pen */

const TEXT = '#e9eef3'
const ACCENT = '#6cc7f5'

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {CanvasTextAlign} [align]
 */
function write(context, text, x, y, align = 'center') {
  context.font = '600 12px system-ui, sans-serif'
  context.textAlign = align
  context.textBaseline = 'middle'
  context.lineWidth = 3
  context.strokeStyle = 'rgb(0 0 0 / 75%)'
  context.strokeText(text, x, y)
  context.fillStyle = TEXT
  context.fillText(text, x, y)
}

/**
 * Letters of the patient's directions, and a bar of a round length.
 * @param {CanvasRenderingContext2D} context
 * @param {Viewport} viewport
 * @param {boolean} known as of `inWords`
 */
export function paintFrame(context, viewport, known) {
  const { width, height, plane, scale } = viewport
  const { left, right, top, bottom } = plane.letters
  write(context, left, 12, height / 2)
  write(context, right, width - 12, height / 2)
  write(context, top, width / 2, 12)
  write(context, bottom, width / 2, height - 12)
  const length = roundLength(90 / scale)
  const path = new Path2D()
  path.rect(14, height - 16, length * scale, 0.01)
  strokeTwice(context, path, TEXT, [])
  write(context, inWords(length, known), 14, height - 27, 'left')
}

/** The longest round length that is no longer. @param {number} most in mm */
export function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most))
  return power * ([5, 2, 1].find((factor) => factor * power <= most) ?? 1)
}

/**
 * @param {number} length in mm
 * @param {boolean} [known] whether these are millimetres; where nobody knows the spacing, they are voxels
 */
export function inWords(length, known = true) {
  if (!known) {
    const voxels = Number(length.toFixed(1))
    return voxels === 1 ? '1 voxel' : `${voxels} voxels`
  }
  if (length < 0.1) return `${Math.round(length * 1000)} µm`
  return length < 10 ? `${Number(length.toFixed(2))} mm` : `${Number(length.toFixed(1))} mm`
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Viewport} viewport
 * @param {[Point, Point] | null} measured
 * @param {boolean} known as of `inWords`
 */
export function paintMeasurement(context, viewport, measured, known) {
  if (measured === null) return
  const [from, to] = measured.map((point) => viewport.toPixel(point))
  const path = new Path2D()
  path.moveTo(from.x, from.y)
  path.lineTo(to.x, to.y)
  for (const { x, y } of [from, to]) {
    path.moveTo(x + 3, y)
    path.arc(x, y, 3, 0, 2 * Math.PI)
  }
  strokeTwice(context, path, ACCENT, [])
  write(context, inWords(viewport.millimetres(...measured), known), to.x + 10, to.y - 12, 'left')
}

/**
 * The pen: the brush's true reach, an outline on its way, or a cross.
 * @param {CanvasRenderingContext2D} context
 * @param {Viewport} viewport
 * @param {Pen} pen
 * @param {{tool: string, colour: string, cutting: boolean}} look
 */
export function paintPen(context, viewport, pen, { tool, colour, cutting }) {
  const { point } = pen
  paintOpenOutline(context, viewport, pen, cutting ? '#ffffff' : colour)
  if (point === null) return
  const { x, y } = viewport.toPixel(point)
  const path = new Path2D()
  if (tool === 'brush' || tool === 'eraser') {
    const { alongX, alongY } = viewport.map
    path.ellipse(x, y, Math.abs(alongX) * pen.radius.a, Math.abs(alongY) * pen.radius.b, 0, 0, 2 * Math.PI)
    path.rect(x, y, 0.01, 0.01)
    strokeTwice(context, path, tool === 'eraser' ? '#ffffff' : colour, tool === 'eraser' ? [3, 3] : [])
    if (!pen.byKeyboard) return
  } else if (tool === 'pan' && !pen.byKeyboard) return
  const cross = new Path2D()
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    cross.moveTo(x + 3 * dx, y + 3 * dy)
    cross.lineTo(x + 10 * dx, y + 10 * dy)
  }
  strokeTwice(context, cross, '#ffffff', [])
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Viewport} viewport
 * @param {Pen} pen
 * @param {string} colour
 */
function paintOpenOutline(context, viewport, { open, point, polygon }, colour) {
  if (open.length === 0) return
  const corners = polygon.busy && point !== null ? [...open, point] : open
  const pixels = corners.map((corner) => viewport.toPixel(corner))
  const path = new Path2D()
  path.moveTo(pixels[0].x, pixels[0].y)
  for (const { x, y } of pixels.slice(1)) path.lineTo(x, y)
  strokeTwice(context, path, colour, [])
  if (!polygon.busy) return
  const dots = new Path2D()
  for (const { x, y } of open.map((corner) => viewport.toPixel(corner))) {
    dots.moveTo(x + 3, y)
    dots.arc(x, y, 3, 0, 2 * Math.PI)
  }
  strokeTwice(context, dots, '#ffffff', [])
}
