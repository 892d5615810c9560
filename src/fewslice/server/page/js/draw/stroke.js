// One stroke: everything between pen down and pen up, as one change that can be taken back.

import { cut, isEmpty, paste, union } from './grid.js'
import { paint } from './paint.js'

/** @typedef {import('./grid.js').Grid} Grid */
/** @typedef {import('./grid.js').Box} Box */
/** @typedef {import('./grid.js').Mask} Mask */
/** @typedef {import('./paint.js').Rule} Rule */
/** @typedef {{box: Box, before: Uint8Array, after: Uint8Array}} Change of one slice's labels */

export class Stroke {
  /**
   * @param {Uint8Array} labels the slice in hand, changed in place
   * @param {Grid} grid
   * @param {number} value the label that is drawn
   * @param {Rule} rule
   */
  constructor(labels, grid, value, rule) {
    this.labels = labels
    this.grid = grid
    this.value = value
    this.rule = rule
    this.before = labels.slice()
    /** @type {Box | null} */
    this.box = null
    /** Voxels that a lock kept. */
    this.kept = 0
  }

  /**
   * Paints one more mask.
   * @param {Mask} mask
   * @returns {Box | null} what has to be shown anew
   */
  add(mask) {
    if (isEmpty(mask.box)) return null
    const { changed, kept } = paint(this.labels, this.grid, mask, this.value, this.rule)
    this.kept += kept
    if (changed === 0) return null
    this.box = union(this.box, mask.box)
    return mask.box
  }

  /**
   * The stroke's change; null where it changed nothing.
   * @returns {Change | null}
   */
  end() {
    if (this.box === null) return null
    return {
      box: this.box,
      before: cut(this.before, this.grid, this.box),
      after: cut(this.labels, this.grid, this.box)
    }
  }

  /** Takes everything back, as if the pen had never touched the slice. */
  cancel() {
    this.labels.set(this.before)
    this.box = null
  }
}

/**
 * The change from one state of a slice to another; null where they are alike.
 * @param {Uint8Array} before
 * @param {Uint8Array} after
 * @param {Grid} grid
 * @returns {Change | null}
 */
export function changeBetween(before, after, grid) {
  /** @type {Box | null} */
  let box = null
  for (let place = 0; place < before.length; place++) {
    if (before[place] === after[place]) continue
    const a = Math.floor(place / grid.n2)
    const b = place % grid.n2
    box = union(box, { a0: a, b0: b, a1: a + 1, b1: b + 1 })
  }
  return box && { box, before: cut(before, grid, box), after: cut(after, grid, box) }
}

/**
 * Puts a change's state from before or after into the slice.
 * @param {Uint8Array} labels changed in place
 * @param {Grid} grid
 * @param {Change} change
 * @param {'before' | 'after'} state
 */
export function restore(labels, grid, change, state) {
  paste(labels, grid, change.box, change[state])
}
