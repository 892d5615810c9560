import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sliceOf } from '../../../../src/fewslice/server/page/js/app/answers.js'
import { parseNifti } from '../../../../src/fewslice/server/page/js/view/nifti.js'
import { samplingOf, smallLabels, smallNifti } from '../../../../src/fewslice/server/page/js/view/overview.js'
import { automaticWindow, colourOf, heatColours, paintGrey, paintLabels, pixelOf } from '../../../../src/fewslice/server/page/js/view/raster.js'

/** A NIfTI-1 file of 2 x 3 x 4 voxels whose value says where they are: 100 x + 10 y + z. */
function nifti(type, slope = 0, intercept = 0) {
  const size = { 4: 2, 16: 4 }[type]
  const file = new ArrayBuffer(352 + 24 * size)
  const view = new DataView(file)
  view.setInt32(0, 348, true)
  ;[3, 2, 3, 4, 1, 1, 1, 1].forEach((length, at) => view.setInt16(40 + 2 * at, length, true))
  view.setInt16(70, type, true)
  view.setFloat32(108, 352, true)
  view.setFloat32(112, slope, true)
  view.setFloat32(116, intercept, true)
  let place = 352
  for (let z = 0; z < 4; z++) {
    for (let y = 0; y < 3; y++) {
      for (let x = 0; x < 2; x++, place += size) {
        if (type === 4) view.setInt16(place, 100 * x + 10 * y + z, true)
        else view.setFloat32(place, 100 * x + 10 * y + z, true)
      }
    }
  }
  return file
}

const greys = (pixels) => Array.from(pixels, (pixel) => pixel & 255)

test('a slice across each axis has the voxels that NIfTI has there, the first axis along a row', () => {
  const volume = parseNifti(nifti(4))
  const window = { low: 0, high: 255 }
  const across = (axis, index, count) => {
    const pixels = new Uint32Array(count)
    paintGrey(volume, axis, index, window, pixels)
    return greys(pixels)
  }
  assert.deepEqual(volume.shape, [2, 3, 4])
  assert.deepEqual(across(0, 1, 12), [100, 110, 120, 101, 111, 121, 102, 112, 122, 103, 113, 123])
  assert.deepEqual(across(1, 2, 8), [20, 120, 21, 121, 22, 122, 23, 123])
  assert.deepEqual(across(2, 3, 6), [3, 103, 13, 113, 23, 123])
})

test('windows are in the scan’s intensities: slope and intercept count, and what lies outside is black or white', () => {
  const volume = parseNifti(nifti(16, 2, -20))
  const pixels = new Uint32Array(6)
  // Intensities at z = 0: 2 v - 20 for v = 0, 100, 10, 110, 20, 120. Black at 0, white at 204: 1.25 greys each.
  paintGrey(volume, 2, 0, { low: 0, high: 204 }, pixels)
  assert.deepEqual(greys(pixels), [0, 225, 0, 250, 25, 255])
})

test('a file that is cut short is refused in a sentence', () => {
  assert.throws(() => parseNifti(nifti(4).slice(0, 390)), /broke off/)
  assert.throws(() => parseNifti(new ArrayBuffer(400)), /no NIfTI file/)
})

test('slices of an answer in C order', () => {
  const data = Uint8Array.from({ length: 24 }, (_, place) => 100 * Math.floor(place / 12) + 10 * (Math.floor(place / 4) % 3) + (place % 4))
  const volume = { shape: [2, 3, 4], data }
  assert.deepEqual([...sliceOf(volume, 0, 1)], [100, 101, 102, 103, 110, 111, 112, 113, 120, 121, 122, 123])
  assert.deepEqual([...sliceOf(volume, 1, 2)], [20, 21, 22, 23, 120, 121, 122, 123])
  assert.deepEqual([...sliceOf(volume, 2, 3)], [3, 13, 23, 103, 113, 123])
})

test('NiiVue gets the answer with x running fastest, and what was drawn over it', () => {
  const sampling = samplingOf([2, 2, 2])
  const answer = { data: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]) }
  assert.deepEqual([...smallLabels(sampling, answer, [])], [1, 5, 3, 7, 2, 6, 4, 8])
  // Drawn across y at 1, (x, z) in C order; 255 was not looked at, so the answer stays there.
  const drawn = [{ axis: 1, index: 1, labels: Uint8Array.from([9, 0, 255, 9]) }]
  assert.deepEqual([...smallLabels(sampling, answer, drawn)], [1, 5, 9, 7, 2, 6, 0, 9])
})

test('a large scan is shown at every second or third voxel', () => {
  assert.deepEqual(samplingOf([512, 161, 90]), { full: [512, 161, 90], steps: [4, 2, 1], shape: [128, 81, 90] })
})

test('a small copy keeps its first voxel in place and doubles its steps', () => {
  const volume = parseNifti(nifti(4))
  const view = new DataView(volume.file)
  ;[1, 1.5, 2].forEach((spacing, axis) => {
    view.setFloat32(80 + 4 * axis, spacing, true)
    view.setFloat32(280 + 20 * axis, spacing, true)
    view.setFloat32(292 + 16 * axis, -7, true)
  })
  const small = smallNifti(volume, { full: [2, 3, 4], steps: [1, 2, 3], shape: [2, 2, 2] })
  const copy = parseNifti(small)
  assert.deepEqual(copy.shape, [2, 2, 2])
  assert.deepEqual([...copy.voxels], [0, 100, 20, 120, 3, 103, 23, 123])
  const header = new DataView(small)
  assert.deepEqual([80, 84, 88].map((at) => header.getFloat32(at, true)), [1, 3, 6])
  assert.deepEqual([280, 300, 320].map((at) => header.getFloat32(at, true)), [1, 3, 6])
  assert.deepEqual([292, 308, 324].map((at) => header.getFloat32(at, true)), [-7, -7, -7])
})

test('drawn slices are seen although their own slice is left out', () => {
  const drawn = [{ axis: 0, index: 3, labels: Uint8Array.from([1, 2, 3, 4]) }]
  const sampling = { full: [4, 1, 4], steps: [2, 1, 2], shape: [2, 1, 2] }
  assert.deepEqual([...smallLabels(sampling, null, drawn)], [0, 1, 0, 3])
})

test('labels become colours with the second axis downwards', () => {
  const colours = new Uint32Array(256)
  colours[1] = 11
  colours[2] = 22
  const pixels = new Uint32Array(2)
  paintLabels(Uint8Array.from([0, 1, 0, 2, 1, 2]), { n1: 2, n2: 3 }, { a0: 0, b0: 1, a1: 2, b1: 2 }, colours, pixels)
  assert.deepEqual([...pixels], [11, 11])
})

test('colours as pixels, and a heat map that grows lighter all the way', () => {
  assert.deepEqual(colourOf('#e6194b'), [230, 25, 75])
  assert.equal(pixelOf([1, 2, 3], 1), 0xff030201)
  const lightness = Array.from(heatColours(), (pixel) => 0.2126 * (pixel & 255) + 0.7152 * ((pixel >> 8) & 255) + 0.0722 * ((pixel >> 16) & 255))
  assert.ok(lightness.every((each, level) => level === 0 || each >= lightness[level - 1] - 0.6))
  assert.equal(heatColours()[0] >>> 24, 0)
})

test('the window of a channel leaves a hundredth of the voxels black and as many white', () => {
  const voxels = Int16Array.from({ length: 1001 }, (_, place) => place)
  assert.deepEqual(automaticWindow({ voxels, slope: 2, intercept: -10 }), { low: 10, high: 1970 })
  assert.deepEqual(automaticWindow({ voxels: Int16Array.of(7, 7, 7), slope: 1, intercept: 0 }), { low: 6, high: 8 })
})
