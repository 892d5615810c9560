// Arrays on the wire: raw C-order bytes, zlib-deflated, with shape, type and hash in the headers.

/** @typedef {{shape: number[], data: Uint8Array, revision: number | null}} LabelArray */

export const ARRAY_TYPE = 'application/x-fewslice-array'

/**
 * @param {Blob} blob
 * @param {CompressionStream | DecompressionStream} stream
 */
async function through(blob, stream) {
  return new Uint8Array(await new Response(blob.stream().pipeThrough(stream)).arrayBuffer())
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
export const deflate = (bytes) => through(new Blob([bytes]), new CompressionStream('deflate'))

/** @param {Blob} blob */
export const inflate = (blob) => through(blob, new DecompressionStream('deflate'))

/** @param {Blob} blob */
export const gunzip = (blob) => through(blob, new DecompressionStream('gzip'))

/**
 * SHA-256 as hexadecimal digits; null where the browser offers no hashing, as on plain HTTP from another machine.
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
export async function sha256(bytes) {
  if (globalThis.crypto?.subtle === undefined) return null
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * Body and headers that carry labels to the server.
 * @param {Uint8Array<ArrayBuffer>} labels
 * @param {number[]} shape
 */
export async function encodeLabels(labels, shape) {
  const hash = await sha256(labels)
  /** @type {Record<string, string>} */
  const headers = { 'Content-Type': ARRAY_TYPE, 'X-Shape': shape.join(','), 'X-Dtype': 'uint8' }
  if (hash !== null) headers['X-Hash'] = hash
  return { body: await deflate(labels), headers }
}

/**
 * Labels from the server's answer. What does not have the size or hash that it says is refused.
 * @param {Response} response
 * @returns {Promise<LabelArray>}
 */
export async function decodeLabels(response) {
  const shape = (response.headers.get('X-Shape') ?? '').split(',').map(Number)
  const data = await inflate(await response.blob())
  const size = shape.reduce((product, length) => product * length, 1)
  const hash = response.headers.get('X-Hash')
  if (data.length !== size || response.headers.get('X-Dtype') !== 'uint8') {
    throw new Error(`The server sent ${data.length} bytes for an array of ${shape.join(' x ')}: reload the page.`)
  }
  const found = hash && (await sha256(data))
  if (found && found !== hash) throw new Error('Labels were damaged on their way from the server: reload the page.')
  const revision = response.headers.get('X-Revision')
  return { shape, data, revision: revision ? Number(revision) : null }
}
