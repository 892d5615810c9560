// A slice's grid. Labels of a slice are one Uint8Array in the server's order: the voxel (a, b) of the two
// axes that remain lies at a * n2 + b. Nothing in the page turns or mirrors these arrays.

/** @typedef {{n1: number, n2: number}} Grid voxels along the slice's first and second axis */
/** @typedef {{a: number, b: number}} Point in voxels; whole numbers are voxel centres */
/** @typedef {{a0: number, b0: number, a1: number, b1: number}} Box half open: a0 <= a < a1 */
/** @typedef {{box: Box, inside: Uint8Array}} Mask 1 where a voxel of the box is meant, in C order */

export const BACKGROUND = 0
export const NOT_LOOKED_AT = 255

/** @param {Box} box */
export const height = (box) => box.b1 - box.b0
/** @param {Box} box */
export const width = (box) => box.a1 - box.a0
/** @param {Box} box */
export const isEmpty = (box) => box.a1 <= box.a0 || box.b1 <= box.b0

/**
 * The box cut off where the slice ends.
 * @param {Box} box
 * @param {Grid} grid
 * @returns {Box}
 */
export function clip(box, grid) {
  return {
    a0: Math.max(0, box.a0),
    b0: Math.max(0, box.b0),
    a1: Math.min(grid.n1, box.a1),
    b1: Math.min(grid.n2, box.b1)
  }
}

/**
 * The smallest box that holds both; null stands for nothing.
 * @param {Box | null} one
 * @param {Box} other
 * @returns {Box}
 */
export function union(one, other) {
  if (one === null) return other
  return {
    a0: Math.min(one.a0, other.a0),
    b0: Math.min(one.b0, other.b0),
    a1: Math.max(one.a1, other.a1),
    b1: Math.max(one.b1, other.b1)
  }
}

/**
 * The voxels of a box, copied.
 * @param {Uint8Array} labels
 * @param {Grid} grid
 * @param {Box} box
 */
export function cut(labels, grid, box) {
  const rows = width(box)
  const length = height(box)
  const piece = new Uint8Array(rows * length)
  for (let row = 0; row < rows; row++) {
    const from = (box.a0 + row) * grid.n2 + box.b0
    piece.set(labels.subarray(from, from + length), row * length)
  }
  return piece
}

/**
 * Writes a copied box back to its place.
 * @param {Uint8Array} labels
 * @param {Grid} grid
 * @param {Box} box
 * @param {Uint8Array} piece
 */
export function paste(labels, grid, box, piece) {
  const length = height(box)
  for (let row = 0; row < width(box); row++) {
    labels.set(piece.subarray(row * length, (row + 1) * length), (box.a0 + row) * grid.n2 + box.b0)
  }
}
