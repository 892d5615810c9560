// A scan as the server sends it: NIfTI-1 with axes in RAS order, one channel, x running fastest.

import { gunzip } from '../api/arrays.js'

/** @typedef {Int16Array | Float32Array | Uint8Array} Voxels */
/**
 * @typedef {object} Volume
 * @property {[number, number, number]} shape
 * @property {Voxels} voxels x runs fastest
 * @property {number} slope stored numbers times slope plus intercept are the scan's intensities
 * @property {number} intercept
 * @property {ArrayBuffer} file the whole NIfTI file
 */

/** @type {Record<number, Uint8ArrayConstructor | Int16ArrayConstructor | Float32ArrayConstructor>} */
const TYPES = { 2: Uint8Array, 4: Int16Array, 16: Float32Array }

/**
 * @param {ArrayBuffer} file NIfTI-1; gzip-compressed where something on the way did not unpack it
 * @returns {Promise<Volume>}
 */
export async function readNifti(file) {
  const start = new Uint8Array(file, 0, Math.min(2, file.byteLength))
  const packed = start[0] === 0x1f && start[1] === 0x8b
  return parseNifti(packed ? (await gunzip(new Blob([file]))).buffer : file)
}

/**
 * @param {ArrayBuffer} file
 * @returns {Volume}
 */
export function parseNifti(file) {
  const header = new DataView(file)
  if (file.byteLength < 352 || header.getInt32(0, true) !== 348) {
    throw new Error('The server sent no NIfTI file for this scan: reload the page.')
  }
  const type = header.getInt16(70, true)
  const make = TYPES[type]
  if (make === undefined) throw new Error(`The scan's NIfTI type ${type} is none of uint8, int16 and float32.`)
  const shape = /** @type {[number, number, number]} */ ([1, 2, 3].map((axis) => Math.max(1, header.getInt16(40 + 2 * axis, true))))
  const count = shape[0] * shape[1] * shape[2]
  const offset = header.getFloat32(108, true)
  if (file.byteLength < offset + count * make.BYTES_PER_ELEMENT) {
    throw new Error('The scan broke off on its way from the server: reload the page.')
  }
  return {
    shape,
    voxels: new make(file, offset, count),
    slope: header.getFloat32(112, true) || 1, // 0 means that nothing is scaled
    intercept: header.getFloat32(116, true),
    file
  }
}

/**
 * Visits the voxels of a slice row by row as a picture has them: the second axis downwards, the first along a row.
 * @param {Volume} volume
 * @param {number} axis
 * @param {number} index
 */
export function sliceSteps({ shape }, axis, index) {
  const steps = [1, shape[0], shape[0] * shape[1]]
  const [first, second] = [0, 1, 2].filter((each) => each !== axis)
  return { start: index * steps[axis], first: steps[first], second: steps[second], n1: shape[first], n2: shape[second] }
}
