// From outlines to voxels: a voxel belongs to an outline when its centre lies inside.

import { clip } from './grid.js'

/** @typedef {import('./grid.js').Grid} Grid */
/** @typedef {import('./grid.js').Point} Point */
/** @typedef {import('./grid.js').Mask} Mask */

/**
 * The voxels inside closed outlines, by the even-odd rule: an outline within another is a hole.
 * @param {Grid} grid
 * @param {Point[][]} rings each closed by a line from its last point to its first
 * @returns {Mask}
 */
export function fillOutlines(grid, rings) {
  const box = clip(bounds(rings), grid)
  const rows = Math.max(0, box.a1 - box.a0)
  const length = Math.max(0, box.b1 - box.b0)
  const inside = new Uint8Array(rows * length)
  for (let row = 0; row < rows; row++) {
    const crossings = crossingsAt(rings, box.a0 + row)
    for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
      // From the first centre on or after one crossing to the last centre before the next.
      const start = Math.max(box.b0, Math.ceil(crossings[pair]))
      const stop = Math.min(box.b1, Math.ceil(crossings[pair + 1]))
      if (stop > start) inside.fill(1, row * length + start - box.b0, row * length + stop - box.b0)
    }
  }
  return { box, inside }
}

/**
 * Where the outlines cross the line of voxel centres at a, in rising order. An edge counts at its lower end
 * and not at its upper one, so that a corner on the line is counted once.
 * @param {Point[][]} rings
 * @param {number} a
 */
function crossingsAt(rings, a) {
  const found = []
  for (const ring of rings) {
    let from = ring[ring.length - 1]
    for (const to of ring) {
      if (from.a <= a !== to.a <= a) found.push(from.b + ((a - from.a) / (to.a - from.a)) * (to.b - from.b))
      from = to
    }
  }
  return found.sort((one, other) => one - other)
}

/** @param {Point[][]} rings */
function bounds(rings) {
  const box = { a0: Infinity, b0: Infinity, a1: -Infinity, b1: -Infinity }
  for (const { a, b } of rings.flat()) {
    box.a0 = Math.min(box.a0, Math.floor(a))
    box.b0 = Math.min(box.b0, Math.floor(b))
    box.a1 = Math.max(box.a1, Math.ceil(a) + 1)
    box.b1 = Math.max(box.b1, Math.ceil(b) + 1)
  }
  return box
}
