import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillOutlines } from '../../../../src/fewslice/server/page/js/draw/polygon.js'
import { drawn, words } from './pictures.mjs'

const grid = { n1: 6, n2: 6 }
const ring = (...points) => points.map(([a, b]) => ({ a, b }))

test('a square between voxel centres holds the centres inside', () => {
  const square = ring([0.5, 0.5], [0.5, 4.5], [3.5, 4.5], [3.5, 0.5])
  assert.equal(drawn(fillOutlines(grid, [square]), grid), words('...... .1111. .1111. .1111. ...... ......'))
})

test('the way round makes no difference', () => {
  const triangle = ring([0.4, 0.5], [4.5, 0.5], [4.5, 4.7])
  const expected = words('...... .1.... .11... .111.. .1111. ......')
  assert.equal(drawn(fillOutlines(grid, [triangle]), grid), expected)
  assert.equal(drawn(fillOutlines(grid, [triangle.reverse()]), grid), expected)
})

test('an outline within another is a hole', () => {
  const outer = ring([-0.5, -0.5], [-0.5, 4.5], [4.5, 4.5], [4.5, -0.5])
  const inner = ring([1.5, 1.5], [1.5, 2.5], [2.5, 2.5], [2.5, 1.5])
  assert.equal(drawn(fillOutlines(grid, [outer, inner]), grid), words('11111. 11111. 11.11. 11111. 11111. ......'))
})

test('two squares that share a side share no voxel and leave none out', () => {
  const left = fillOutlines(grid, [ring([0, 0], [0, 2], [4, 2], [4, 0])])
  const right = fillOutlines(grid, [ring([0, 2], [0, 5], [4, 5], [4, 2])])
  assert.equal(drawn(left, grid), words('11.... 11.... 11.... 11.... ...... ......'))
  assert.equal(drawn(right, grid), words('..111. ..111. ..111. ..111. ...... ......'))
})

test('what lies outside of the slice is left out, and a line encloses nothing', () => {
  assert.equal(drawn(fillOutlines(grid, [ring([-9, -9], [-9, 1.5], [1.5, 1.5], [1.5, -9])]), grid), words('11.... 11.... ...... ...... ...... ......'))
  assert.equal(fillOutlines(grid, [ring([1, 1], [4, 4])]).inside.includes(1), false)
})
