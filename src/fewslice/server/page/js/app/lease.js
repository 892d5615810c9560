// Who has the open scan: it is taken when it is opened, kept while the page is open, and may be taken by others.

import * as api from '../api/client.js'
import { Refused } from '../api/http.js'

/** @typedef {import('./page.js').Page} Page */

const TAKEN = 409 // the status where somebody else has a scan open

export class Lease {
  /** What the server said when somebody else had the scan. */
  #said = ''

  /** @param {Page} page */
  constructor(page) {
    this.page = page
  }

  /**
   * Takes a scan for this person; false where somebody else has it. Throws where the server does not answer.
   * @param {number} id
   * @param {boolean} [force]
   */
  async take(id, force = false) {
    try {
      await api.lease(id, force)
      return true
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      if (error.status === TAKEN) this.#sayTaken(error.message, id)
      else this.page.say(error.message, 'warning')
      return false
    }
  }

  /** @param {string} message who has the scan @param {number} id */
  #sayTaken(message, id) {
    this.#said = message
    this.page.say(message, 'warning', [{ label: 'Take over', act: () => void this.takeOver(id) }])
  }

  /** @param {number} id */
  async takeOver(id) {
    const { page } = this
    if (await page.trying(() => this.take(id, true))) page.store.set({ mayDraw: true, notice: null })
  }

  /** Keeps the scan; says so where somebody else has taken it meanwhile. */
  async renew() {
    const { page } = this
    const { scan, mayDraw } = page.state
    if (scan === null || !mayDraw) return
    try {
      await api.lease(scan.id)
    } catch (error) {
      // Without a connection, or while the server can do nothing, a person goes on drawing: it waits in this browser.
      if (!(error instanceof Refused) || error.status !== TAKEN || page.state.scan?.id !== scan.id) return
      page.store.set({ mayDraw: false })
      this.#sayTaken(error.message, scan.id)
      await page.askConflict() // what both drew meanwhile comes first
    }
  }

  /** Says again that somebody else has the scan, once nothing else is to be said. */
  remind() {
    const { scan, mayDraw, notice } = this.page.state
    if (scan !== null && !mayDraw && notice === null) this.#sayTaken(this.#said, scan.id)
  }

  /**
   * A scan was opened, taken over or closed. Where people annotate apart from each other, each of them has it open.
   * @param {{scan: number, person_id: number | null}} news
   */
  async heard({ scan: id, person_id: by }) {
    const { scan, me } = this.page.state
    if (scan?.id === id && !scan.independent && by !== null && by !== me?.id) await this.renew()
  }
}
