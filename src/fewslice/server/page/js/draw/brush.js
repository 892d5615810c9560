// A round brush in exact voxels. Round in millimetres, so an ellipse in voxels where spacings differ.

import { clip } from './grid.js'

/** @typedef {import('./grid.js').Grid} Grid */
/** @typedef {import('./grid.js').Point} Point */
/** @typedef {import('./grid.js').Mask} Mask */
/** @typedef {{a: number, b: number}} Radius in voxels along each axis */

/**
 * The voxels under a brush that moved from one point to the next in a straight line: those whose centre is
 * no further than the radius from the line. The voxel that a point lies in always belongs to it.
 * @param {Grid} grid
 * @param {Point} from
 * @param {Point} to
 * @param {Radius} radius
 * @returns {Mask}
 */
export function sweep(grid, from, to, radius) {
  const box = clip(reach(from, to, radius), grid)
  const rows = Math.max(0, box.a1 - box.a0)
  const length = Math.max(0, box.b1 - box.b0)
  const inside = new Uint8Array(rows * length)
  const stepA = (to.a - from.a) / radius.a
  const stepB = (to.b - from.b) / radius.b
  const along = stepA * stepA + stepB * stepB
  for (let row = 0; row < rows; row++) {
    const offA = (box.a0 + row - from.a) / radius.a
    for (let column = 0; column < length; column++) {
      const offB = (box.b0 + column - from.b) / radius.b
      const place = along === 0 ? 0 : Math.min(1, Math.max(0, (offA * stepA + offB * stepB) / along))
      const da = offA - place * stepA
      const db = offB - place * stepB
      if (da * da + db * db <= 1) inside[row * length + column] = 1
    }
  }
  for (const point of [from, to]) include({ box, inside }, point)
  return { box, inside }
}

/**
 * @param {Point} from
 * @param {Point} to
 * @param {Radius} radius
 */
function reach(from, to, radius) {
  const a = Math.max(radius.a, 0.5)
  const b = Math.max(radius.b, 0.5)
  return {
    a0: Math.floor(Math.min(from.a, to.a) - a),
    b0: Math.floor(Math.min(from.b, to.b) - b),
    a1: Math.ceil(Math.max(from.a, to.a) + a) + 1,
    b1: Math.ceil(Math.max(from.b, to.b) + b) + 1
  }
}

/**
 * @param {Mask} mask
 * @param {Point} point
 */
function include({ box, inside }, point) {
  const a = Math.round(point.a)
  const b = Math.round(point.b)
  if (a < box.a0 || a >= box.a1 || b < box.b0 || b >= box.b1) return
  inside[(a - box.a0) * (box.b1 - box.b0) + b - box.b0] = 1
}
