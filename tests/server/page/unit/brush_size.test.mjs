import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstRadius, radiusAt, stepOf, STEPS } from '../../../../src/fewslice/server/page/js/draw/brush_size.js'

const near = (found, expected) => assert.ok(Math.abs(found / expected - 1) < 0.08, `${found} is not about ${expected}`)

test('sizes go from half a voxel to about a hundred, and a step is found again', () => {
  const spacing = [0.8, 0.5, 3]
  assert.equal(radiusAt(0, spacing), 0.25)
  assert.equal(radiusAt(-3, spacing), 0.25)
  near(radiusAt(STEPS, spacing), 0.25 * 188.9) // 1.14 ** 40
  assert.equal(radiusAt(STEPS + 1, spacing), radiusAt(STEPS, spacing))
  assert.equal(stepOf(radiusAt(17, spacing), spacing), 17)
})

test('the first brush suits the slice: an abdomen, a retina, and a phantom of few voxels', () => {
  // 400 mm: 3 % are 12 mm.
  near(firstRadius({ shape: [512, 512, 40], spacing: [0.78125, 0.78125, 5], plane: 2 }), 12)
  // 6 mm by 2 mm, 3.46 mm on the mean: 0.104 mm, where 4 mm would cover the whole retina.
  near(firstRadius({ shape: [512, 512, 14], spacing: [0.01171875, 0.00390625, 0.12], plane: 2 }), 0.104)
  // 2.5 voxels of 1.25 mm
  near(firstRadius({ shape: [30, 24, 20], spacing: [1, 1.25, 2], plane: 2 }), 3.125)
})
