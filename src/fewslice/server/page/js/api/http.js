// One way to ask the server: errors are its own sentences, and no answer at all is Offline.

const ROOT = '/api/v1'

/** The window's event that says: the server wants somebody to log in. */
export const LOGGED_OUT = 'fewslice-logged-out'

/** The server said no, in one sentence. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

/** The server could not be reached: what was meant for it has to wait. */
export class Offline extends Error {
  constructor() {
    super('The server cannot be reached.')
  }
}

/**
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {{json?: unknown, body?: BodyInit, headers?: Record<string, string>, signal?: AbortSignal, keepalive?: boolean}} [options]
 *   keepalive: goes out even though the page is being left
 * @returns {Promise<Response>}
 */
export async function ask(method, path, { json, body, headers = {}, signal, keepalive } = {}) {
  /** @type {Record<string, string>} */
  const all = { ...headers }
  if (method !== 'GET') all['X-Fewslice'] = '1'
  if (json !== undefined) all['Content-Type'] = 'application/json'
  const content = json === undefined ? body : JSON.stringify(json)
  /** @type {Response} */
  let response
  try {
    response = await fetch(ROOT + path, { method, headers: all, body: content, signal, keepalive, credentials: 'same-origin' })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Offline()
  }
  if (response.ok) return response
  // A proxy in front of a server that restarts answers for it: nothing was refused yet.
  if ([502, 504].includes(response.status)) throw new Offline()
  if (response.status === 401) window.dispatchEvent(new Event(LOGGED_OUT))
  throw new Refused(response.status, await sentence(response))
}

/** @param {Response} response */
async function sentence(response) {
  try {
    const { message } = await response.json()
    if (typeof message === 'string') return message
  } catch {
    // Not JSON: somebody between the server and the page answered.
  }
  return `The server answered ${response.status}: try again, or ask whoever runs it.`
}

/**
 * The body, in one buffer from the start where the server says how long it is: put together at its end, a large scan would be held twice.
 * @param {Response} response
 * @returns {Promise<ArrayBuffer>}
 */
export async function bytesOf(response) {
  const size = Number(response.headers.get('X-Size'))
  if (!size || response.body === null) return response.arrayBuffer()
  const whole = new Uint8Array(size)
  const reader = response.body.getReader()
  let at = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    if (at + value.length > size) throw new Error('The server sent more than it said: reload the page.')
    whole.set(value, at)
    at += value.length
  }
  // Shorter where something on the way handed it on without unpacking it.
  return at === size ? whole.buffer : whole.slice(0, at).buffer
}

/**
 * @param {string} path
 * @returns {Promise<any>}
 */
export const getJson = async (path) => (await ask('GET', path)).json()

/**
 * @param {'POST' | 'PUT' | 'DELETE'} method
 * @param {string} path
 * @param {unknown} [json]
 * @returns {Promise<any>}
 */
export async function sendJson(method, path, json) {
  const text = await (await ask(method, path, json === undefined ? {} : { json })).text()
  return text === '' ? null : JSON.parse(text)
}
