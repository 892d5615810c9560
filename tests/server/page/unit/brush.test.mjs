import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sweep } from '../../../../src/fewslice/server/page/js/draw/brush.js'
import { drawn, words } from './pictures.mjs'

const grid = { n1: 5, n2: 7 }
const round = (radius) => ({ a: radius, b: radius })

test('a brush of radius 2 is round, not square', () => {
  const mask = sweep(grid, { a: 2, b: 3 }, { a: 2, b: 3 }, round(2))
  assert.equal(drawn(mask, grid), words('...1... ..111.. .11111. ..111.. ...1...'))
})

test('the smallest brush is the voxel under the pen, also between four voxels', () => {
  assert.equal(drawn(sweep(grid, { a: 1.2, b: 4.4 }, { a: 1.2, b: 4.4 }, round(0.5)), grid), words('....... ....1.. ....... ....... .......'))
  assert.equal(drawn(sweep(grid, { a: 1.5, b: 4.5 }, { a: 1.5, b: 4.5 }, round(0.5)), grid), words('....... ....... .....1. ....... .......'))
})

test('a fast move leaves no gaps', () => {
  assert.equal(drawn(sweep(grid, { a: 0, b: 0 }, { a: 0, b: 6 }, round(1)), grid), words('1111111 1111111 ....... ....... .......'))
})

test('a diagonal of the smallest brush is connected across edges or corners', () => {
  const { box, inside } = sweep(grid, { a: 0, b: 0 }, { a: 4, b: 4 }, round(0.5))
  assert.equal(drawn({ box, inside }, grid), words('1...... .1..... ..1.... ...1... ....1..'))
})

test('a brush is round in millimetres: spacing 2 mm along a, 1 mm along b, radius 2 mm', () => {
  const mask = sweep(grid, { a: 2, b: 3 }, { a: 2, b: 3 }, { a: 1, b: 2 })
  assert.equal(drawn(mask, grid), words('....... ...1... .11111. ...1... .......'))
})

test('a pen beyond the border paints what reaches into the slice, and nothing far outside', () => {
  assert.equal(drawn(sweep(grid, { a: -1, b: 3 }, { a: -1, b: 3 }, round(2)), grid), words('..111.. ...1... ....... ....... .......'))
  const far = sweep(grid, { a: -50, b: -50 }, { a: -40, b: -50 }, round(2))
  assert.equal(far.inside.length, 0)
})
