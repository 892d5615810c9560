import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Stroke } from '../../../../src/fewslice/server/page/js/draw/stroke.js'
import { brushTool, contourTool, fillTool, polygonTool } from '../../../../src/fewslice/server/page/js/draw/tools.js'
import { picture, slice, words } from './pictures.mjs'

const point = (a, b) => ({ a, b })

function board(text, { value = 1, cutting = false } = {}) {
  const { grid, labels } = slice(text)
  const said = []
  const saved = []
  return {
    grid,
    labels,
    value,
    cutting,
    radius: { a: 0.5, b: 0.5 },
    said,
    saved,
    begin: (label, only) => new Stroke(labels, grid, label, { locked: new Set(), only }),
    show: () => {},
    commit: (stroke, tool) => saved.push([tool, stroke.end() !== null]),
    near: (one, other) => Math.hypot(one.a - other.a, one.b - other.b) < 0.5,
    say: (sentence) => said.push(sentence)
  }
}

const EMPTY = '...... ...... ...... ...... ......'

test('a brush stroke is saved once, when the pen is lifted', () => {
  const on = board('...... ......')
  const brush = brushTool('brush')
  brush.down(on, point(0, 0))
  brush.move(on, point(0, 5))
  assert.deepEqual(on.saved, [])
  brush.up(on, point(0, 5))
  assert.equal(picture(on.labels, on.grid), words('111111 ......'))
  assert.deepEqual(on.saved, [['brush', true]])
})

test('moving without pressing paints nothing', () => {
  const on = board('......')
  brushTool('brush').move(on, point(0, 3))
  assert.equal(picture(on.labels, on.grid), '......')
})

test('the eraser takes labels off', () => {
  const on = board('123')
  const eraser = brushTool('eraser')
  eraser.down(on, point(0, 1))
  eraser.up(on, point(0, 1))
  assert.equal(picture(on.labels, on.grid), '1.3')
})

test('a cancelled brush stroke is gone and not saved', () => {
  const on = board('...')
  const brush = brushTool('brush')
  brush.down(on, point(0, 1))
  brush.cancel(on)
  brush.up(on, point(0, 1))
  assert.equal(picture(on.labels, on.grid), '...')
  assert.deepEqual(on.saved, [])
})

test('a contour fills its inside, and with "cut" makes a hole in its own label only', () => {
  const on = board(EMPTY)
  const contour = contourTool()
  const outline = (tool, [first, ...rest]) => {
    tool.down(on, first)
    rest.forEach((each) => tool.move(on, each))
    tool.up(on, first)
  }
  outline(contour, [point(-0.5, -0.5), point(-0.5, 5.5), point(4.5, 5.5), point(4.5, -0.5)])
  on.labels[2 * 6 + 3] = 2
  on.cutting = true
  outline(contour, [point(0.5, 0.5), point(0.5, 4.5), point(3.5, 4.5), point(3.5, 0.5)])
  assert.equal(picture(on.labels, on.grid), words('111111 1....1 1..2.1 1....1 111111'))
  assert.deepEqual(on.saved, [['contour', true], ['contour', true]])
})

test('a polygon closes at its first corner, and a corner can be taken back', () => {
  const on = board(EMPTY)
  const polygon = polygonTool()
  for (const corner of [point(0.5, 0.5), point(0.5, 3.5), point(9, 9)]) polygon.down(on, corner)
  polygon.back()
  for (const corner of [point(2.5, 3.5), point(2.5, 0.5), point(0.6, 0.4)]) polygon.down(on, corner)
  assert.equal(picture(on.labels, on.grid), words('...... .111.. .111.. ...... ......'))
  assert.equal(polygon.busy, false)
})

test('an outline around no voxel says so and saves nothing', () => {
  const on = board(EMPTY)
  const polygon = polygonTool()
  for (const corner of [point(1.1, 1.1), point(1.1, 1.4), point(1.4, 1.1)]) polygon.down(on, corner)
  polygon.finish(on)
  assert.deepEqual(on.saved, [])
  assert.match(on.said[0], /holds no voxel/)
})

test('fill closes a ring, refuses what is open to the border, and recolours an area', () => {
  const ring = '...... .111.. .1.1.. .111.. ......'
  const on = board(ring)
  const fill = fillTool()
  fill.down(on, point(2, 2))
  assert.equal(picture(on.labels, on.grid), words('...... .111.. .111.. .111.. ......'))
  fill.down(on, point(0, 0))
  assert.match(on.said[0], /open to the border/)
  on.value = 3
  fill.down(on, point(2, 2))
  assert.equal(picture(on.labels, on.grid), words('...... .333.. .333.. .333.. ......'))
  fill.down(on, point(-4, 2))
  assert.equal(on.saved.length, 2)
})
