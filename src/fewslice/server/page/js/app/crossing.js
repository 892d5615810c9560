// Where slices drawn in other planes cross a slice: the lines that they leave on it.

import { NOT_LOOKED_AT } from '../draw/grid.js'
import { holdsLabels } from './sheets.js'

/** @typedef {import('./sheets.js').Sheet} Sheet */
/** @typedef {[number, number, number]} Triple */

/**
 * What is on a slice besides what is drawn on it: the engine's answer, and over it what was drawn across it.
 * @param {Triple} shape of the scan
 * @param {{axis: number, index: number}} place
 * @param {Uint8Array | null} answer the engine's labels of the slice; left as they are
 * @param {Sheet[]} sheets of the scan; those across the same axis do not matter
 * @returns {Uint8Array | null} null where there is nothing
 */
export function withCrossings(shape, { axis, index }, answer, sheets) {
  const crossing = sheets.filter((sheet) => sheet.axis !== axis && sheet.labels !== null && holdsLabels(sheet))
  if (crossing.length === 0) return answer
  const labels = answer?.slice() ?? new Uint8Array((shape[0] * shape[1] * shape[2]) / shape[axis])
  const to = stridesOf(shape, axis)
  for (const sheet of crossing.toSorted((one, other) => age(one) - age(other))) {
    const from = stridesOf(shape, sheet.axis)
    const along = 3 - axis - sheet.axis
    for (let at = 0; at < shape[along]; at++) {
      const label = /** @type {Uint8Array} */ (sheet.labels)[index * from[axis] + at * from[along]]
      if (label !== NOT_LOOKED_AT) labels[sheet.index * to[sheet.axis] + at * to[along]] = label
    }
  }
  return answer !== null || labels.some((label) => label !== 0) ? labels : null
}

/**
 * What was drawn across a slice and is not on it: where its own outline still has to go, or says otherwise.
 * @param {Triple} shape of the scan
 * @param {Sheet} sheet its labels have to be loaded
 * @param {Sheet[]} sheets of the scan
 * @returns {Uint8Array | null} null where there is nothing
 */
export function crossingsBeside(shape, sheet, sheets) {
  const across = withCrossings(shape, sheet, null, sheets)
  if (across === null) return null
  const own = /** @type {Uint8Array} */ (sheet.labels)
  const beside = across.map((label, at) => (label === own[at] ? 0 : label))
  return beside.some((label) => label !== 0) ? beside : null
}

/** Where two slices cross, the one that was drawn last counts. @param {Sheet} sheet */
const age = ({ unsent, revision }) => (unsent !== null ? Infinity : (revision ?? 0))

/**
 * How far apart neighbours along each axis of the scan lie in a slice in C order.
 * @param {Triple} shape
 * @param {number} axis across the slice
 * @returns {Triple}
 */
function stridesOf(shape, axis) {
  const second = axis === 2 ? 1 : 2
  return /** @type {Triple} */ ([0, 1, 2].map((each) => (each === axis ? 0 : each === second ? 1 : shape[second])))
}
