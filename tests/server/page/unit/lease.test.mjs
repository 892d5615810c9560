import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { Page } from '../../../../src/fewslice/server/page/js/app/page.js'
import { newStore } from '../../../../src/fewslice/server/page/js/app/state.js'

const { fetch, window } = globalThis
afterEach(() => Object.assign(globalThis, { fetch, window }))

/** A page with a scan open, and what it asked of a server that answers so: a status and a sentence, or null for none. */
function open(answers, scan = { id: 7, independent: false }) {
  const asked = []
  globalThis.window = { dispatchEvent: () => true }
  globalThis.fetch = async (path, { method, body }) => {
    asked.push(`${method} ${path} ${body ?? ''}`.trim())
    const answer = path.endsWith('/lease') ? answers.shift() : [200, []]
    if (answer === null) throw new TypeError('Failed to fetch')
    const [status, said] = answer
    return new Response(JSON.stringify(status < 400 ? said : { message: said }), { status })
  }
  const page = new Page(newStore(), {})
  page.store.set({ scan, mayDraw: true })
  return { page, asked }
}

const RENEWED = 'POST /api/v1/scans/7/lease {"force":false}'

test('a scan is leased anew while it is open', async () => {
  const { page, asked } = open([[200, {}]])
  await page.lease.renew()
  assert.deepEqual(asked, [RENEWED])
  assert.equal(page.state.mayDraw, true)
})

test('without a connection, or while the server is busy, full or wants a login, a person goes on drawing', async () => {
  for (const answer of [null, [503, 'The server is busy.'], [502, ''], [429, 'Too fast.'], [401, 'Log in first.'], [500, 'It failed.']]) {
    const { page } = open([answer, [200, {}]])
    await page.lease.renew()
    assert.equal(page.state.mayDraw, true, String(answer))
    assert.equal(page.state.notice, null)
    await page.lease.renew() // and it is tried again
    assert.equal(page.state.mayDraw, true)
  }
})

test('where somebody took the scan meanwhile, that is said, and taking it over lets one draw again', async () => {
  const { page, asked } = open([null, [409, 'Grace has the scan open.'], [200, {}]])
  await page.lease.renew()
  await page.lease.renew()
  const { mayDraw, notice } = page.state
  assert.equal(mayDraw, false)
  assert.deepEqual([notice.text, notice.kind, notice.actions.length], ['Grace has the scan open.', 'warning', 1])
  await page.lease.renew() // no longer theirs to keep
  assert.equal(asked.length, 2)
  await page.lease.takeOver(7)
  assert.equal(asked[2], 'POST /api/v1/scans/7/lease {"force":true}')
  assert.equal(page.state.mayDraw, true)
  assert.equal(page.state.notice, null)
})

test('an answer about a scan that was closed meanwhile says nothing of the next', async () => {
  const { page } = open([[409, 'Grace has the scan open.']])
  const renewed = page.lease.renew()
  page.store.set({ scan: { id: 8, independent: false } })
  await renewed
  assert.equal(page.state.mayDraw, true)
  assert.equal(page.state.notice, null)
})

test('news that somebody else has the scan are looked into, unless everybody has their own', async () => {
  const news = { scan: 7, person_id: 2, person: 'Grace' }
  const { page, asked } = open([[409, 'Grace has the scan open.']])
  page.store.set({ me: { id: 1, name: 'Ada', role: 'annotator' } })
  for (const other of [{ ...news, scan: 8 }, { ...news, person_id: 1 }, { ...news, person_id: null }]) await page.lease.heard(other)
  assert.deepEqual(asked, [])
  await page.lease.heard(news)
  assert.deepEqual(asked, [RENEWED])
  assert.equal(page.state.mayDraw, false)

  const apart = open([[200, {}]], { id: 7, independent: true })
  apart.page.store.set({ me: { id: 1, name: 'Ada', role: 'annotator' } })
  await apart.page.lease.heard(news)
  assert.deepEqual(apart.asked, []) // each would take the lease from the other for ever
})
