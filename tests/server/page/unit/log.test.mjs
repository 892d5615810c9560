import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Log } from '../../../../src/fewslice/server/page/js/draw/log.js'

const entry = (index) => ({ axis: 2, index, change: null, kindBefore: 'none', kindAfter: 'absent' })

test('undo and redo walk along the log across slices, as often as one likes', () => {
  const log = new Log()
  const entries = [entry(1), entry(7), entry(3)]
  entries.forEach((each) => log.add(each))
  assert.deepEqual([log.undo(), log.undo(), log.undo(), log.undo()], [entries[2], entries[1], entries[0], null])
  assert.deepEqual([log.redo(), log.redo(), log.redo(), log.redo()], [entries[0], entries[1], entries[2], null])
  assert.equal(log.undo(), entries[2])
})

test('what is new after an undo takes the place of what was taken back', () => {
  const log = new Log()
  log.add(entry(1))
  log.add(entry(2))
  log.undo()
  log.add(entry(3))
  assert.equal(log.redo(), null)
  assert.deepEqual([log.undo().index, log.undo().index, log.undo()], [3, 1, null])
})

test('a thousand steps are remembered', () => {
  const log = new Log()
  for (let index = 0; index < 1005; index++) log.add(entry(index))
  let steps = 0
  while (log.undo() !== null) steps++
  assert.equal(steps, 1000)
})
