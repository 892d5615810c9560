// A small copy of a scan for the small view of planes and 3D: every second or third voxel is enough there, and a
// large scan would take seconds to upload, and memory that drawing needs.

import { NOT_LOOKED_AT } from '../draw/grid.js'

/** @typedef {import('./nifti.js').Volume} Volume */
/** @typedef {[number, number, number]} Triple */
/**
 * @typedef {object} Sampling
 * @property {Triple} full voxels of the scan
 * @property {Triple} steps from one voxel that is shown to the next
 * @property {Triple} shape voxels that are shown
 */

const MOST = 160 // voxels along an axis: more than the view has pixels for

/**
 * @param {Triple} full
 * @returns {Sampling}
 */
export function samplingOf(full) {
  const steps = /** @type {Triple} */ (full.map((count) => Math.ceil(count / MOST)))
  const shape = /** @type {Triple} */ (full.map((count, axis) => Math.ceil(count / steps[axis])))
  return { full, steps, shape }
}

/**
 * The scan's voxels at these steps, as a NIfTI file.
 * @param {Volume} volume
 * @param {Sampling} sampling
 * @returns {ArrayBuffer}
 */
export function smallNifti({ file, voxels }, { full, steps, shape }) {
  const offset = voxels.byteOffset
  const small = new ArrayBuffer(offset + shape[0] * shape[1] * shape[2] * voxels.BYTES_PER_ELEMENT)
  new Uint8Array(small).set(new Uint8Array(file, 0, offset))
  const header = new DataView(small)
  for (let axis = 0; axis < 3; axis++) {
    header.setInt16(42 + 2 * axis, shape[axis], true)
    scale(header, 80 + 4 * axis, steps[axis]) // pixdim
    // The first voxel stays where it is, so only the columns of the affine grow.
    for (let row = 0; row < 3; row++) scale(header, 280 + 16 * row + 4 * axis, steps[axis])
  }
  const make = /** @type {Int16ArrayConstructor} */ (voxels.constructor)
  const to = new make(small, offset)
  let place = 0
  for (let z = 0; z < full[2]; z += steps[2]) {
    for (let y = 0; y < full[1]; y += steps[1]) {
      for (let x = 0, from = full[0] * (y + full[1] * z); x < full[0]; x += steps[0]) to[place++] = voxels[from + x]
    }
  }
  return small
}

/** @param {DataView} header @param {number} at @param {number} factor */
function scale(header, at, factor) {
  header.setFloat32(at, header.getFloat32(at, true) * factor, true)
}

/**
 * The engine's answer at these steps, with what people drew over it; x runs fastest, as NiiVue wants it.
 * @param {Sampling} sampling
 * @param {{data: Uint8Array} | null} answer of the whole scan in C order
 * @param {{axis: number, index: number, labels: Uint8Array | null}[]} sheets
 */
export function smallLabels({ full, steps, shape }, answer, sheets) {
  const labels = new Uint8Array(shape[0] * shape[1] * shape[2])
  let place = 0
  for (let z = 0; answer !== null && z < full[2]; z += steps[2]) {
    for (let y = 0; y < full[1]; y += steps[1]) {
      for (let x = 0; x < full[0]; x += steps[0]) labels[place++] = answer.data[(x * full[1] + y) * full[2] + z]
    }
  }
  for (const { axis, index, labels: drawn } of sheets) {
    if (drawn !== null) putSlice(labels, { full, steps, shape }, { axis, index }, drawn)
  }
  return labels
}

/**
 * A drawn slice is shown on the slice that is nearest below it, even if that one is left out.
 * @param {Uint8Array} labels
 * @param {Sampling} sampling
 * @param {{axis: number, index: number}} place
 * @param {Uint8Array} slice in C order
 */
function putSlice(labels, { full, steps, shape }, { axis, index }, slice) {
  const strides = [1, shape[0], shape[0] * shape[1]]
  const [first, second] = [0, 1, 2].filter((each) => each !== axis)
  const start = Math.floor(index / steps[axis]) * strides[axis]
  for (let a = 0; a < shape[first]; a++) {
    for (let b = 0; b < shape[second]; b++) {
      const label = slice[a * steps[first] * full[second] + b * steps[second]]
      if (label !== NOT_LOOKED_AT) labels[start + a * strides[first] + b * strides[second]] = label
    }
  }
}
