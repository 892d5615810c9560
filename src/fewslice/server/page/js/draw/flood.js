// Flood fill: the area of one label around a point, across voxel edges and not across corners.

import { union } from './grid.js'

/** @typedef {import('./grid.js').Grid} Grid */
/** @typedef {import('./grid.js').Point} Point */
/** @typedef {import('./grid.js').Mask} Mask */
/** @typedef {Mask & {open: boolean}} Area open: the area reaches the border of the slice */

/**
 * The connected area that has the label of the voxel at the point.
 * @param {Uint8Array} labels
 * @param {Grid} grid
 * @param {Point} start
 * @returns {Area}
 */
export function areaAround(labels, grid, start) {
  const first = Math.round(start.a) * grid.n2 + Math.round(start.b)
  const value = labels[first]
  const reached = new Uint8Array(labels.length)
  reached[first] = 1
  const waiting = [first]
  let open = false
  /** @type {import('./grid.js').Box | null} */
  let box = null
  /** @param {number} next */
  const reach = (next) => {
    if (reached[next] || labels[next] !== value) return
    reached[next] = 1
    waiting.push(next)
  }
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const a = Math.floor(place / grid.n2)
    const b = place % grid.n2
    box = union(box, { a0: a, b0: b, a1: a + 1, b1: b + 1 })
    open ||= a === 0 || b === 0 || a === grid.n1 - 1 || b === grid.n2 - 1
    if (a > 0) reach(place - grid.n2)
    if (a < grid.n1 - 1) reach(place + grid.n2)
    if (b > 0) reach(place - 1)
    if (b < grid.n2 - 1) reach(place + 1)
  }
  const whole = box ?? { a0: 0, b0: 0, a1: 0, b1: 0 }
  return { box: whole, inside: within(reached, grid, whole), open }
}

/**
 * @param {Uint8Array} reached
 * @param {Grid} grid
 * @param {import('./grid.js').Box} box
 */
function within(reached, grid, box) {
  const length = box.b1 - box.b0
  const inside = new Uint8Array((box.a1 - box.a0) * length)
  for (let a = box.a0; a < box.a1; a++) {
    const from = a * grid.n2 + box.b0
    inside.set(reached.subarray(from, from + length), (a - box.a0) * length)
  }
  return inside
}
