import assert from 'node:assert/strict'
import { test } from 'node:test'
import { areaAround } from '../../../../src/fewslice/server/page/js/draw/flood.js'
import { drawn, slice, words } from './pictures.mjs'

test('a hole is filled up to its outline and not across corners', () => {
  const { grid, labels } = slice('1111. 1..1. 11.1. 1.111 11111')
  const area = areaAround(labels, grid, { a: 1, b: 1 })
  assert.equal(drawn(area, grid), words('..... .11.. ..1.. ..... .....'))
  assert.equal(area.open, false)
})

test('an area that reaches the border says so', () => {
  const { grid, labels } = slice('.11. 1..1 1..1 11.1')
  const area = areaAround(labels, grid, { a: 1, b: 1 })
  assert.equal(drawn(area, grid), words('.... .11. .11. ..1.'))
  assert.equal(area.open, true)
})

test('the area is that of the label under the pen', () => {
  const { grid, labels } = slice('1122 1222 1122')
  assert.equal(drawn(areaAround(labels, grid, { a: 0, b: 0 }), grid), words('11.. 1... 11..'))
})
