// Sends what waits in the outbox, one entry after the other, and again until the server has it.

import { Offline, Refused } from '../api/http.js'

/** @typedef {import('./outbox.js').Outbox} Outbox */
/** @typedef {import('./outbox.js').Waiting} Waiting */
/** @typedef {{revision: number | null, conflict?: unknown, axis?: number, index?: number}} Saved */
/** @typedef {'saved' | 'saving' | 'offline'} State */
/**
 * @typedef {object} Listener
 * @property {(entry: Waiting, saved: Saved) => void} onSaved
 * @property {(entry: Waiting, message: string) => void} onRefused the server will never take this entry
 * @property {(state: State, waiting: number) => void} onState
 */

const FIRST_PAUSE = 500
const LONGEST_PAUSE = 15_000

/** Answers of the server after which trying again may help: not logged in, too fast, full or busy. */
const PASSING = [401, 408, 425, 429, 500, 503, 507]

export class Sender {
  #running = false
  #pause = FIRST_PAUSE
  /** Keys of what was sent and not answered. @type {Set<string>} */
  #tried = new Set()
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /**
   * @param {Outbox} outbox
   * @param {(entry: Waiting, again: boolean) => Promise<Saved>} send
   * @param {string} person
   * @param {Listener} listener
   */
  constructor(outbox, send, person, listener) {
    this.outbox = outbox
    this.send = send
    this.person = person
    this.listener = listener
  }

  /** What waits and is this person's. */
  async waiting() {
    return (await this.outbox.all()).filter(({ person }) => person === this.person)
  }

  /** Sends now instead of when the pause is over. */
  wake() {
    this.#pause = FIRST_PAUSE
    return this.run()
  }

  /** Sends until nothing waits or the server cannot be reached; then tries again after a pause. */
  async run() {
    if (this.#running) return
    this.#running = true
    clearTimeout(this.#timer)
    let emptied = false
    try {
      emptied = await this.#empty()
    } finally {
      this.#running = false
    }
    if (!emptied) {
      this.#timer = setTimeout(() => this.run(), this.#pause)
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE)
    } else if ((await this.waiting()).length > 0) {
      await this.run() // It came between the last look and now.
    }
  }

  async #empty() {
    for (let waiting = await this.waiting(); waiting.length > 0; waiting = await this.waiting()) {
      this.listener.onState('saving', waiting.length)
      if (!(await this.#deliver(waiting[0]))) {
        this.listener.onState('offline', waiting.length)
        return false
      }
      this.#pause = FIRST_PAUSE
    }
    if (this.outbox.adding === 0) this.listener.onState('saved', 0)
    return true
  }

  /**
   * @param {Waiting} entry
   * @returns {Promise<boolean>} whether the entry is dealt with
   */
  async #deliver(entry) {
    /** @type {Saved} */
    let saved
    const again = this.#tried.has(entry.key) || !this.outbox.young.has(entry.key)
    this.#tried.add(entry.key)
    try {
      saved = await this.send(entry, again)
    } catch (error) {
      if (error instanceof Offline || (error instanceof Refused && PASSING.includes(error.status))) return false
      await this.outbox.discard(entry)
      this.listener.onRefused(entry, error instanceof Error ? error.message : String(error))
      return true
    }
    await this.outbox.acknowledge(entry, saved.revision)
    this.listener.onSaved(entry, saved)
    return true
  }
}
