import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withCrossings } from '../../../../src/fewslice/server/page/js/app/crossing.js'
import { picture, slice, words } from './pictures.mjs'

const SHAPE = [2, 3, 4]
const SAGITTAL = { axis: 0, index: 1 } // rows run along y, columns along z
const GRID = { n1: 3, n2: 4 }

function sheet(axis, index, text, more = {}) {
  return { axis, index, kind: 'human', revision: 1, unsent: null, labels: slice(text).labels, ...more }
}

test('an axial and a coronal slice leave the line on which a sagittal one crosses them', () => {
  const axial = sheet(2, 3, '111 2.1') // x by y: the second row lies on the slice in hand
  assert.equal(picture(withCrossings(SHAPE, SAGITTAL, null, [axial]), GRID), words('...2 .... ...1'))
  const coronal = sheet(1, 0, '1111 .12?') // x by z
  assert.equal(picture(withCrossings(SHAPE, SAGITTAL, null, [coronal]), GRID), words('.12. .... ....'))
})

test('on axial slices as well', () => {
  const sagittal = sheet(0, 1, '...1 .1.2 ...1') // y by z
  assert.equal(picture(withCrossings(SHAPE, { axis: 2, index: 3 }, null, [sagittal]), { n1: 2, n2: 3 }), words('... 121'))
})

test('it lies over the answer, which stays as it is; what was not looked at stays the answer’s', () => {
  const { labels: answer } = slice('3333 3333 3333')
  const crossed = withCrossings(SHAPE, SAGITTAL, answer, [sheet(2, 3, '... 2?.')])
  assert.equal(picture(crossed, GRID), words('3332 3333 333.'))
  assert.equal(picture(answer, GRID), words('3333 3333 3333'))
})

test('where slices meet, the one that was drawn last counts, and what is not sent is newest', () => {
  const axial = sheet(2, 3, '... 1..', { revision: 5 })
  const coronal = sheet(1, 0, '.... ...2', { revision: 4 })
  const corner = (...sheets) => withCrossings(SHAPE, SAGITTAL, null, sheets)[3]
  assert.equal(corner(axial, coronal), 1)
  assert.equal(corner(axial, { ...coronal, revision: 6 }), 2)
  assert.equal(corner({ ...coronal, unsent: 'key' }, axial), 2)
})

test('slices of the same plane, marks and slices on their way leave nothing', () => {
  const nothing = [sheet(0, 0, '1111 1111 1111'), sheet(2, 3, '111 111', { kind: 'present' }), { ...sheet(2, 1, '111 111'), labels: null }]
  assert.equal(withCrossings(SHAPE, SAGITTAL, null, nothing), null)
  assert.equal(withCrossings(SHAPE, SAGITTAL, null, [sheet(2, 3, '111 ...')]), null)
})
