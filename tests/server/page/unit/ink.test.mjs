import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inWords } from '../../../../src/fewslice/server/page/js/view/ink.js'

test('lengths are in mm, of a retina in µm, and in voxels where nobody knows the spacing', () => {
  assert.deepEqual([0.0421, 3.456, 12.34].map((length) => inWords(length)), ['42 µm', '3.46 mm', '12.3 mm'])
  assert.deepEqual([0.5, 1.04, 12.34].map((length) => inWords(length, false)), ['0.5 voxels', '1 voxel', '12.3 voxels'])
})
