import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Offline, Refused } from '../../../../src/fewslice/server/page/js/api/http.js'
import { ActiveTime } from '../../../../src/fewslice/server/page/js/sync/active_time.js'
import { newKey } from '../../../../src/fewslice/server/page/js/sync/outbox.js'
import { Sender } from '../../../../src/fewslice/server/page/js/sync/sender.js'

/** An outbox in memory; the browser's own is tested in the browser. */
class Box {
  young = new Set()
  adding = 0
  entries = []
  add(key, person = 'Ada') {
    this.entries.push({ key, person })
  }
  async all() {
    return [...this.entries]
  }
  async acknowledge(entry) {
    this.entries = this.entries.filter(({ key }) => key !== entry.key)
  }
  discard(entry) {
    return this.acknowledge(entry)
  }
}

function listener() {
  const heard = { saved: [], refused: [], states: [] }
  return {
    heard,
    onSaved: ({ key }, { revision }) => heard.saved.push([key, revision]),
    onRefused: ({ key }, message) => heard.refused.push([key, message]),
    onState: (state, waiting) => heard.states.push(`${state} ${waiting}`)
  }
}

test('entries are sent in order, one after the other', async () => {
  const box = new Box()
  const ears = listener()
  for (const key of ['a', 'b', 'c']) box.add(key)
  let revision = 0
  let under_way = 0
  const sender = new Sender(box, async () => {
    assert.equal(++under_way, 1)
    await new Promise((resolve) => setImmediate(resolve))
    under_way--
    return { revision: ++revision }
  }, 'Ada', ears)
  await Promise.all([sender.run(), sender.run()])
  assert.deepEqual(ears.heard.saved, [['a', 1], ['b', 2], ['c', 3]])
  assert.equal(ears.heard.states.at(-1), 'saved 0')
})

test('without a connection entries stay, and leave once it is back, the first one as sent before', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const box = new Box()
  const ears = listener()
  box.add('a')
  box.young.add('a')
  const sent = []
  let online = false
  const sender = new Sender(box, async ({ key }, again) => {
    sent.push([key, again])
    if (!online) throw new Offline()
    return { revision: 7 }
  }, 'Ada', ears)
  await sender.run()
  assert.equal(ears.heard.states.at(-1), 'offline 1')
  assert.equal(box.entries.length, 1)
  online = true
  await sender.wake()
  assert.deepEqual(sent, [['a', false], ['a', true]])
  assert.deepEqual(ears.heard.saved, [['a', 7]])
})

test('the pause between tries grows, and a refused login waits as a lost connection does', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const box = new Box()
  box.add('a')
  let tries = 0
  const sender = new Sender(box, async () => {
    tries++
    throw new Refused(401, 'Log in first.')
  }, 'Ada', listener())
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  await sender.run()
  for (const [pause, expected] of [[499, 1], [1, 2], [999, 2], [1, 3]]) {
    context.mock.timers.tick(pause)
    await settled()
    assert.equal(tries, expected)
  }
})

test('nothing is called saved while something is on its way into the outbox', async () => {
  const box = new Box()
  box.adding = 1
  const ears = listener()
  await new Sender(box, async () => ({ revision: 1 }), 'Ada', ears).run()
  assert.deepEqual(ears.heard.states, [])
})

test('what the server will never take is said and does not hold up the rest', async () => {
  const box = new Box()
  const ears = listener()
  box.add('bad')
  box.add('good')
  const sender = new Sender(box, async ({ key }) => {
    if (key === 'bad') throw new Refused(422, 'The stroke lies outside of the scan.')
    return { revision: 1 }
  }, 'Ada', ears)
  await sender.run()
  assert.deepEqual(ears.heard.refused, [['bad', 'The stroke lies outside of the scan.']])
  assert.deepEqual(ears.heard.saved, [['good', 1]])
})

test('another person’s entries stay for that person', async () => {
  const box = new Box()
  box.add('hers', 'Grace')
  const sender = new Sender(box, async () => assert.fail('sent'), 'Ada', listener())
  await sender.run()
  assert.equal(box.entries.length, 1)
})

test('active seconds leave out pauses of more than five seconds', () => {
  let now = 0
  const time = new ActiveTime(() => now)
  for (const at of [0, 1000, 3000, 60_000, 62_500]) {
    now = at
    time.touch()
  }
  assert.equal(time.take(), 5.5)
  assert.equal(time.take(), 0)
})

test('client keys differ', () => {
  assert.equal(new Set(Array.from({ length: 100 }, newKey)).size, 100)
  assert.match(newKey(), /^[0-9a-f]{32}$/)
})
