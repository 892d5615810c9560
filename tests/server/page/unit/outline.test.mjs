import assert from 'node:assert/strict'
import { test } from 'node:test'
import { labelsIn, outlines } from '../../../../src/fewslice/server/page/js/view/outline.js'
import { slice } from './pictures.mjs'

/** Twice the signed area inside a loop. */
const area = (loop) => {
  let sum = 0
  for (let at = 0; at < loop.length; at += 2) {
    const next = (at + 2) % loop.length
    sum += loop[at] * loop[next + 1] - loop[next] * loop[at + 1]
  }
  return sum
}

test('one voxel has the outline of its four corners', () => {
  const { grid, labels } = slice('... .1. ...')
  const [loop, ...others] = outlines(labels, grid, 1)
  assert.equal(others.length, 0)
  const corners = [[0.5, 0.5], [1.5, 0.5], [1.5, 1.5], [0.5, 1.5]].map(String).sort()
  const found = Array.from({ length: 4 }, (_, at) => String([loop[2 * at], loop[2 * at + 1]])).sort()
  assert.deepEqual(found, corners)
  assert.equal(area(loop), 2)
})

test('a ring has an outer line and a hole that runs the other way', () => {
  const { grid, labels } = slice('111 1.1 111')
  const areas = outlines(labels, grid, 1).map(area).sort((one, other) => one - other)
  assert.deepEqual(areas, [-2, 18])
})

test('outlines at the border are closed, and hold as many voxels as there are', () => {
  const { grid, labels } = slice('11.2 1..2 2222')
  for (const value of [1, 2]) {
    const inside = labels.filter((label) => label === value).length
    const held = outlines(labels, grid, value).reduce((sum, loop) => sum + area(loop) / 2, 0)
    assert.equal(held, inside)
  }
})

test('two voxels that touch at a corner', () => {
  const { grid, labels } = slice('1. .1')
  assert.equal(outlines(labels, grid, 1).reduce((sum, loop) => sum + area(loop) / 2, 0), 2)
})

test('labels in a slice, in order and without background', () => {
  assert.deepEqual(labelsIn(slice('7.2 ?.2').labels), [2, 7, 255])
})
