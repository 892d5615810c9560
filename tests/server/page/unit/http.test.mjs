import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf } from '../../../../src/fewslice/server/page/js/api/http.js'

/** An answer of the server whose body comes in parts. */
function answer(parts, size) {
  const body = new ReadableStream({
    start(stream) {
      for (const part of parts) stream.enqueue(new Uint8Array(part))
      stream.close()
    }
  })
  return new Response(body, { headers: size === undefined ? {} : { 'X-Size': String(size) } })
}

const bytes = async (...given) => [...new Uint8Array(await bytesOf(answer(...given)))]

test('parts of a body lie behind each other', async () => {
  assert.deepEqual(await bytes([[1, 2], [3], [4, 5]], 5), [1, 2, 3, 4, 5])
  assert.deepEqual(await bytes([[1, 2], [3]]), [1, 2, 3])
})

test('a body that nobody unpacked is as long as it is', async () => {
  assert.deepEqual(await bytes([[31, 139, 8]], 100), [31, 139, 8])
})

test('more than the server said is refused', async () => {
  await assert.rejects(bytes([[1, 2], [3]], 2), /more than it said/)
})
