// How a person is asked which of two versions of a slice counts.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { choice } from '../../../../src/fewslice/server/page/js/app/choice.js'

const met = (person, tool, other) => ({ person, tool, conflict: { revision: 1, person: other } })

test('two people are called by their names', () => {
  const asked = choice(met('Ann', 'brush', 'Bob'), 'axial slice 7', 'Ann')
  assert.deepEqual(asked, { what: 'Bob changed axial slice 7 while you drew on it.', change: 'Mine', head: 'Bob’s' })
  const { what, change } = choice(met('Ann', 'MONAI Label', 'Bob'), 'axial slice 7', 'Eve')
  assert.deepEqual([what, change], ['Bob changed axial slice 7 while Ann drew on it.', 'Ann’s'])
})

test('what one sent from another program, and drew here', () => {
  for (const tool of ['MONAI Label', 'import']) {
    const { what, change, head } = choice(met('Ann', tool, 'Ann'), 'axial slice 7', 'Ann')
    assert.equal(what, 'What came of axial slice 7 from another program is not what is drawn here.')
    assert.deepEqual([change, head], ['What came', 'The one here'])
  }
})

test('a change that paints over a lock', () => {
  const { what } = choice(met('Ann', 'brush', 'Ann'), 'axial slice 7', 'Ann')
  assert.equal(what, 'A change of axial slice 7 paints over a locked structure.')
})
