import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planeAcross } from '../../../../src/fewslice/server/page/js/view/plane.js'
import { Viewport } from '../../../../src/fewslice/server/page/js/view/viewport.js'

const shape = [10, 20, 40]
const spacing = [2, 1, 0.5]

function open(axis, radiological = true) {
  const viewport = new Viewport(planeAcross(shape, spacing, axis, radiological))
  Object.assign(viewport, { width: 448, height: 448 })
  return viewport
}

test('radiologists see the patient’s right on the left, and feet below', () => {
  const { plane } = open(1)
  assert.deepEqual(plane.letters, { left: 'R', right: 'L', top: 'S', bottom: 'I' })
  assert.deepEqual(open(1, false).plane.letters, { left: 'L', right: 'R', top: 'S', bottom: 'I' })
})

test('in sagittal slices noses look to the left, whichever side is right', () => {
  for (const radiological of [true, false]) {
    assert.deepEqual(open(0, radiological).plane.letters, { left: 'A', right: 'P', top: 'S', bottom: 'I' })
  }
})

test('a coronal slice of 20 x 20 mm fills 400 pixels: 20 pixels a millimetre', () => {
  const viewport = open(1)
  assert.equal(viewport.scale, 20)
  // Voxel (0, 0) is the patient's left foot end: right and below, half a voxel (1 mm, 0.25 mm) inside.
  assert.deepEqual(viewport.toPixel({ a: 0, b: 0 }), { x: 424 - 20, y: 424 - 5 })
  assert.deepEqual(viewport.toPixel({ a: 9, b: 39 }), { x: 24 + 20, y: 24 + 5 })
})

test('pixels and voxels are each other’s inverse, also after zooming and moving', () => {
  const viewport = open(2, false)
  viewport.zoomAt(3, { x: 100, y: 300 })
  viewport.panX += 17
  const { a, b } = viewport.toVoxel(viewport.toPixel({ a: 3.25, b: 7.5 }))
  assert.ok(Math.abs(a - 3.25) < 1e-9 && Math.abs(b - 7.5) < 1e-9)
})

test('zooming keeps what is under the pointer there', () => {
  const viewport = open(2)
  const before = viewport.toVoxel({ x: 120, y: 80 })
  viewport.zoomAt(2.5, { x: 120, y: 80 })
  const after = viewport.toVoxel({ x: 120, y: 80 })
  assert.ok(Math.abs(before.a - after.a) < 1e-9 && Math.abs(before.b - after.b) < 1e-9)
})

test('lengths are in millimetres along both spacings: 3 voxels of 2 mm and 16 of 0.5 mm are 10 mm', () => {
  assert.equal(open(1).millimetres({ a: 1, b: 2 }, { a: 4, b: 18 }), 10)
})
