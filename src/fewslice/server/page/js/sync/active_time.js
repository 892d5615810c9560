// Active seconds: the time between a person's movements, without the pauses in which nobody works.

/** Longer than this without a movement is a pause, and counts as nothing. */
const LONGEST_GAP = 5000

export class ActiveTime {
  #total = 0
  /** @type {number | null} */
  #last = null

  /** @param {() => number} now in milliseconds */
  constructor(now = () => performance.now()) {
    this.now = now
  }

  /** A person moved. */
  touch() {
    const time = this.now()
    if (this.#last !== null && time - this.#last <= LONGEST_GAP) this.#total += time - this.#last
    this.#last = time
  }

  /** Seconds since they were last taken; counting starts again at 0. */
  take() {
    const seconds = this.#total / 1000
    this.#total = 0
    return seconds
  }
}
