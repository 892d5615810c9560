// What was done and not yet acknowledged by the server, kept by the browser until it is: a closed page, a
// crash or a lost connection loses nothing. Entries leave in the order in which they were made.

/** @typedef {import('../draw/log.js').Kind} Kind */
/**
 * @typedef {object} SavedSlice a slice's labels on their way to the server
 * @property {'slice'} what
 * @property {Uint8Array<ArrayBuffer>} labels
 * @property {number[]} shape
 * @property {'draw' | 'accept' | 'correct'} action
 * @property {string} tool
 */
/** @typedef {{what: 'mark', mark: 'absent' | 'present' | 'erase'}} SavedMark */
/** @typedef {{what: 'undo'} | {what: 'redo'}} Walk */
/**
 * @typedef {object} Address
 * @property {string} key the client key: the server stores an entry once, however often it is sent
 * @property {string} scan
 * @property {string} person whoever made it; another person's page does not send it
 * @property {number} axis
 * @property {number} index
 * @property {number | null} parent the revision that was known when it was made: the slice's, or for undo and redo
 *   this person's newest of the whole scan
 * @property {string | null} after the key of the unsent entry that it builds on, in place of `parent`
 * @property {number} seconds active seconds
 */
/** @typedef {Address & (SavedSlice | SavedMark | Walk)} Entry */
/** @typedef {Entry & {order: number}} Waiting */

const STORE = 'outbox'

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

export class Outbox {
  /** Keys of what was added since the page was opened. @type {Set<string>} */
  young = new Set()
  /** Revisions of what was acknowledged since the page was opened. @type {Map<string, number | null>} */
  #revisions = new Map()
  /** How many entries are on their way into the outbox. */
  adding = 0

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database
  }

  /** @param {string} [name] */
  static async open(name = 'fewslice') {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: 'order', autoIncrement: true })
    }
    return new Outbox(await done(request))
  }

  /** @param {IDBTransactionMode} mode */
  #store(mode) {
    return this.database.transaction(STORE, mode, { durability: 'strict' }).objectStore(STORE)
  }

  /** @param {Entry} entry */
  async add(entry) {
    this.young.add(entry.key)
    this.adding++
    const { after } = entry
    // Made while the server's answer to the one before was on its way into here: nothing else would tell it.
    const known = after !== null && this.#revisions.has(after) ? { parent: this.#revisions.get(after) ?? null, after: null } : {}
    try {
      await done(this.#store('readwrite').add({ ...entry, ...known }))
    } finally {
      this.adding--
    }
  }

  /** @returns {Promise<Waiting[]>} in the order in which they were added */
  async all() {
    return done(this.#store('readonly').getAll())
  }

  /**
   * Takes an acknowledged entry out, and lets what was built on it know its revision.
   * @param {Waiting} entry
   * @param {number | null} revision
   */
  async acknowledge(entry, revision) {
    this.#revisions.set(entry.key, revision)
    const store = this.#store('readwrite')
    await done(store.delete(entry.order))
    for (const later of await done(store.getAll())) {
      if (later.after === entry.key) await done(store.put({ ...later, parent: revision, after: null }))
    }
  }

  /**
   * Takes an entry out that the server will never store.
   * @param {Waiting} entry
   */
  async discard(entry) {
    await this.acknowledge(entry, entry.parent)
  }
}

/** A key for one entry, random enough to be the only one of its kind. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
