// All labels of a scan as NiiVue wants them: one volume with x running fastest.

import { NOT_LOOKED_AT } from '../draw/grid.js'

/**
 * The engine's answer, with what people drew over it.
 * @param {[number, number, number]} shape
 * @param {{data: Uint8Array} | null} answer in C order
 * @param {{axis: number, index: number, labels: Uint8Array | null}[]} sheets
 */
export function labelVolume(shape, answer, sheets) {
  const [nx, ny, nz] = shape
  const labels = new Uint8Array(nx * ny * nz)
  if (answer !== null) {
    let place = 0
    for (let x = 0; x < nx; x++) {
      for (let y = 0; y < ny; y++) {
        for (let z = 0, to = x + nx * y; z < nz; z++, to += nx * ny) labels[to] = answer.data[place++]
      }
    }
  }
  for (const sheet of sheets) if (sheet.labels !== null) putSlice(labels, shape, sheet.axis, sheet.index, sheet.labels)
  return labels
}

/**
 * @param {Uint8Array} volume
 * @param {[number, number, number]} shape
 * @param {number} axis
 * @param {number} index
 * @param {Uint8Array} slice in C order
 */
function putSlice(volume, shape, axis, index, slice) {
  const steps = [1, shape[0], shape[0] * shape[1]]
  const [first, second] = [0, 1, 2].filter((each) => each !== axis)
  for (let a = 0, from = 0; a < shape[first]; a++) {
    for (let b = 0; b < shape[second]; b++, from++) {
      if (slice[from] !== NOT_LOOKED_AT) volume[index * steps[axis] + a * steps[first] + b * steps[second]] = slice[from]
    }
  }
}
