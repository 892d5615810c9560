// The one place that writes labels into a slice, and the one that knows what may not be painted over.

import { BACKGROUND } from './grid.js'

/** @typedef {import('./grid.js').Grid} Grid */
/** @typedef {import('./grid.js').Mask} Mask */
/** @typedef {{locked: ReadonlySet<number>, only?: number}} Rule
 *   locked: labels that stay as they are; only: the one label that may be painted over */

/**
 * Gives the mask's voxels a label, except where a locked label lies.
 * @param {Uint8Array} labels changed in place
 * @param {Grid} grid
 * @param {Mask} mask
 * @param {number} value
 * @param {Rule} rule
 * @returns {{changed: number, kept: number}} voxels that have another label now; voxels that a lock kept
 */
export function paint(labels, grid, { box, inside }, value, { locked, only }) {
  const length = box.b1 - box.b0
  let changed = 0
  let kept = 0
  for (let a = box.a0; a < box.a1; a++) {
    for (let b = box.b0; b < box.b1; b++) {
      if (!inside[(a - box.a0) * length + b - box.b0]) continue
      const place = a * grid.n2 + b
      const before = labels[place]
      if (before === value || (only !== undefined && before !== only)) continue
      if (before !== BACKGROUND && locked.has(before)) {
        kept++
        continue
      }
      labels[place] = value
      changed++
    }
  }
  return { changed, kept }
}
