import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sweep } from '../../../../src/fewslice/server/page/js/draw/brush.js'
import { changeBetween, restore, Stroke } from '../../../../src/fewslice/server/page/js/draw/stroke.js'
import { picture, slice, words } from './pictures.mjs'

const point = (a, b) => ({ a, b })
const pen = { a: 0.5, b: 0.5 }
const free = { locked: new Set() }

test('locked labels are not painted over, whatever the tool paints', () => {
  const { grid, labels } = slice('.12. .12. .12.')
  const stroke = new Stroke(labels, grid, 3, { locked: new Set([2]) })
  stroke.add(sweep(grid, point(1, 0), point(1, 3), pen))
  assert.equal(picture(labels, grid), words('.12. 3323 .12.'))
  assert.equal(stroke.kept, 1)
})

test('an eraser with a lock keeps the locked label and takes the rest', () => {
  const { grid, labels } = slice('1212')
  const stroke = new Stroke(labels, grid, 0, { locked: new Set([1]) })
  stroke.add(sweep(grid, point(0, 0), point(0, 3), pen))
  assert.equal(picture(labels, grid), words('1.1.'))
})

test('"only" cuts a hole into one label and into no other', () => {
  const { grid, labels } = slice('1122')
  const stroke = new Stroke(labels, grid, 0, { locked: new Set(), only: 1 })
  stroke.add(sweep(grid, point(0, 1), point(0, 2), pen))
  assert.equal(picture(labels, grid), words('1.22'))
})

test('a stroke is one change, taken back and brought back voxel for voxel', () => {
  const { grid, labels } = slice('1.... ..2.. ....?')
  const stroke = new Stroke(labels, grid, 4, free)
  stroke.add(sweep(grid, point(0, 0), point(0, 2), pen))
  stroke.add(sweep(grid, point(0, 2), point(2, 4), pen))
  const change = stroke.end()
  const drawn = picture(labels, grid)
  assert.equal(drawn, words('444.. ..24. ....4'))
  restore(labels, grid, change, 'before')
  assert.equal(picture(labels, grid), words('1.... ..2.. ....?'))
  restore(labels, grid, change, 'after')
  assert.equal(picture(labels, grid), drawn)
})

test('a stroke that changes nothing is no change', () => {
  const { grid, labels } = slice('11 11')
  const stroke = new Stroke(labels, grid, 1, free)
  stroke.add(sweep(grid, point(0, 0), point(1, 1), pen))
  assert.equal(stroke.end(), null)
})

test('a cancelled stroke leaves no trace', () => {
  const { grid, labels } = slice('1.2')
  const stroke = new Stroke(labels, grid, 3, free)
  stroke.add(sweep(grid, point(0, 0), point(0, 2), pen))
  stroke.cancel()
  assert.equal(picture(labels, grid), words('1.2'))
  assert.equal(stroke.end(), null)
})

test('the change between two states is the box around what differs', () => {
  const { grid, labels: before } = slice('..... .1... .....')
  const { labels: after } = slice('..... ...2. .....')
  const change = changeBetween(before, after, grid)
  assert.deepEqual(change.box, { a0: 1, b0: 1, a1: 2, b1: 4 })
  assert.deepEqual([...change.before], [1, 0, 0])
  assert.deepEqual([...change.after], [0, 0, 2])
  assert.equal(changeBetween(before, before, grid), null)
})
