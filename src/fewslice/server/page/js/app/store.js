// What the page shows, in one place. Parts of the page subscribe to the keys they show.

/**
 * @template {object} S
 */
export class Store {
  /** @type {{keys: (keyof S)[], react: (state: S) => void}[]} */
  #listeners = []
  /** @type {Set<keyof S>} */
  #changed = new Set()

  /** @param {S} state */
  constructor(state) {
    this.state = state
  }

  /**
   * Calls back now, and whenever one of the keys changes; several changes at once are one call.
   * @param {(keyof S)[]} keys
   * @param {(state: S) => void} react
   */
  on(keys, react) {
    this.#listeners.push({ keys, react })
    react(this.state)
  }

  /** @param {Partial<S>} changes */
  set(changes) {
    const changed = /** @type {(keyof S)[]} */ (Object.keys(changes)).filter((key) => this.state[key] !== changes[key])
    Object.assign(this.state, changes)
    if (changed.length > 0 && this.#changed.size === 0) queueMicrotask(() => this.#tell())
    for (const key of changed) this.#changed.add(key)
  }

  /**
   * What the server says now: values that say the same as before are no change.
   * @param {Partial<S>} news plain values
   */
  news(news) {
    const keys = /** @type {(keyof S)[]} */ (Object.keys(news))
    const changed = keys.filter((key) => JSON.stringify(this.state[key]) !== JSON.stringify(news[key]))
    this.set(/** @type {Partial<S>} */ (Object.fromEntries(changed.map((key) => [key, news[key]]))))
  }

  #tell() {
    const changed = new Set(this.#changed)
    this.#changed.clear()
    for (const { keys, react } of this.#listeners) {
      if (!keys.some((key) => changed.has(key))) continue
      try {
        react(this.state)
      } catch (error) {
        reportError(error) // one part of the page that fails does not stop the others
      }
    }
  }
}
