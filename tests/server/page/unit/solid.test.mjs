import assert from 'node:assert/strict'
import { test } from 'node:test'
import { directions, paintSolid, solidOf } from '../../../../src/fewslice/server/page/js/view/solid.js'

const FRONT = { yaw: 0, pitch: 0 }
const RED = [200, 0, 0]
const BLUE = [0, 0, 200]
const COLOURS = new Map([[1, RED], [2, BLUE]])

/** Labels of a volume, and those voxels set. */
function labelled(shape, ...places) {
  const labels = new Uint8Array(shape[0] * shape[1] * shape[2])
  for (const [x, y, z, label] of places) labels[x + shape[0] * (y + shape[1] * z)] = label
  return labels
}

function painted(solid, turn, size = 20) {
  const pixels = new Uint32Array(size * size)
  paintSolid(solid, turn, { width: size, height: size }, COLOURS, pixels)
  return pixels
}

const red = (pixel) => (pixel & 255) > 0
const blue = (pixel) => ((pixel >> 16) & 255) > 0
const at = (pixels, column, row) => pixels[row * 20 + column]

test('nothing labelled is nothing to show, and what was not looked at is no structure', () => {
  assert.equal(solidOf(labelled([3, 4, 5], [1, 1, 1, 255]), [3, 4, 5], [1, 1, 1]), null)
})

test('the box holds all structures and no more', () => {
  const { box } = solidOf(labelled([5, 6, 7], [1, 2, 3, 1], [3, 2, 6, 2]), [5, 6, 7], [1, 1, 1])
  assert.deepEqual(box, { low: [1, 2, 3], high: [3, 2, 6] })
})

test('from the front the patient’s right is on the left, and the head above', () => {
  assert.deepEqual(directions(FRONT).right.map((each) => each + 0), [-1, 0, 0])
  // Red lies on the patient's right (RAS: high x), blue on the left and further up.
  const solid = solidOf(labelled([6, 3, 6], [5, 1, 0, 1], [0, 1, 5, 2]), [6, 3, 6], [1, 1, 1])
  const pixels = painted(solid, FRONT)
  const where = (is) => [...pixels.keys()].filter((place) => is(pixels[place])).map((place) => [place % 20, Math.floor(place / 20)])
  assert.ok(where(red).length > 0 && where(red).every(([column, row]) => column < 10 && row > 10))
  assert.ok(where(blue).length > 0 && where(blue).every(([column, row]) => column > 10 && row < 10))
})

test('what is nearer hides what is behind it: from behind it is the other one', () => {
  const solid = solidOf(labelled([3, 4, 3], [1, 3, 1, 1], [1, 0, 1, 2]), [3, 4, 3], [1, 1, 1])
  assert.ok(red(at(painted(solid, FRONT), 10, 10)))
  assert.ok(blue(at(painted(solid, { yaw: Math.PI, pitch: 0 }), 10, 10)))
})

test('lengths are in millimetres: a voxel three times as high as wide stands so', () => {
  const solid = solidOf(labelled([1, 1, 1], [0, 0, 0, 1]), [1, 1, 1], [1, 1, 3])
  const pixels = painted(solid, FRONT)
  const columns = new Set([...pixels.keys()].filter((place) => red(pixels[place])).map((place) => place % 20))
  const rows = new Set([...pixels.keys()].filter((place) => red(pixels[place])).map((place) => Math.floor(place / 20)))
  // The diagonal of 1 x 1 x 3 mm is 3.32 mm and fills 20 / 1.06 pixels: 5.7 pixels a mm.
  assert.equal(columns.size, 6)
  assert.equal(rows.size, 18)
})

test('a structure without a colour is looked through', () => {
  const solid = solidOf(labelled([1, 3, 1], [0, 2, 0, 7], [0, 0, 0, 2]), [1, 3, 1], [1, 1, 1])
  assert.ok(blue(at(painted(solid, FRONT), 10, 10)))
})
