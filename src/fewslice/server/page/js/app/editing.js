// What a person does to the slice in hand: draw, accept, correct, mark, and take back.

/** @typedef {import('./page.js').Page} Page */
/** @typedef {import('./sheets.js').Sheet} Sheet */

export class Editing {
  /** @type {{sheet: Sheet, original: Uint8Array} | null} */
  #correction = null
  /** @type {Set<string>} slices of other people that this person chose to edit */
  #unlocked = new Set()

  /** @param {Page} page */
  constructor(page) {
    this.page = page
  }

  /** Another scan was opened. */
  forget() {
    this.#unlocked.clear()
  }

  /** Says why nothing may be drawn on the slice in hand, if so. */
  refusesPen() {
    const { page } = this
    const { sheet, state } = page
    if (sheet === null) return true
    if (!state.mayDraw) {
      this.page.say('Somebody else has this scan open, so nothing can be drawn on it here.', 'warning', [
        { label: 'Take over', act: () => void this.page.lease.takeOver(state.scan?.id ?? 0) }
      ])
      return true
    }
    if (state.compared !== null) {
      this.page.say('Two people’s drawings are shown here: go back to your own before you draw.', 'said', [
        { label: 'Show my own', act: () => this.page.store.set({ compared: null, notice: null }) }
      ])
      return true
    }
    if (sheet.labels === null) {
      this.page.say('This slice is still on its way from the server: try again in a moment.')
      return true
    }
    const place = `${sheet.axis}/${sheet.index}`
    if (sheet.kind !== 'none' && sheet.person !== null && sheet.person !== state.me?.name && !this.#unlocked.has(place)) {
      this.page.say(`${sheet.person} drew this slice. It is locked for you.`, 'said', [
        { label: 'Edit it anyway', act: () => this.#unlock(place) }
      ])
      return true
    }
    return false
  }

  /** @param {string} place */
  #unlock(place) {
    this.#unlocked.add(place)
    this.page.store.set({ notice: null })
  }

  /**
   * A stroke is over: its change is saved.
   * @param {import('../draw/stroke.js').Stroke} stroke
   * @param {string} tool
   */
  commit(stroke, tool) {
    const { sheet, work } = this.page
    const change = stroke.end()
    this.letGo()
    if (stroke.kept > 0) this.page.say('Voxels of locked structures were left as they are.')
    if (sheet === null || work === null || change === null) return
    if (this.#correction?.sheet === sheet) this.#saveCorrection(tool)
    else work.save(sheet, change, 'draw', tool)
  }

  /** The slice in hand is being drawn on: no news of the server may change it under the pen. */
  hold() {
    if (this.page.sheet !== null) this.page.sheet.held = true
  }

  letGo() {
    if (this.page.sheet !== null) this.page.sheet.held = false
  }

  /** @param {string} tool */
  #saveCorrection(tool) {
    const { sheet, original } = /** @type {{sheet: import('./sheets.js').Sheet, original: Uint8Array}} */ (this.#correction)
    this.#correction = null
    const drawn = /** @type {Uint8Array} */ (sheet.labels).slice()
    sheet.labels?.set(original)
    const change = this.page.work?.takeOver(sheet, drawn, new Set())
    if (change) this.page.work?.save(sheet, change, 'correct', tool)
    this.page.store.set({ correcting: false, notice: null })
  }

  /** Puts the engine's outline on the slice, to be edited. Nothing is saved before the first stroke. */
  correctSlice() {
    const { sheet, work } = this.page
    const answer = sheet && this.page.answers.slice(sheet.axis, sheet.index)
    if (sheet === null || work === null || this.refusesPen()) return
    if (answer === null) return this.page.say('There is no answer for this slice yet: press Segment first.')
    const original = /** @type {Uint8Array} */ (sheet.labels).slice()
    if (work.takeOver(sheet, answer, this.page.locked) === null) return this.page.say('The slice already is as the engine has it.')
    this.#correction = { sheet, original }
    this.page.store.set({ correcting: true, revision: this.page.state.revision + 1, showDrawing: true })
    this.page.say('Edit the outline. It is saved as corrected with your first stroke.')
  }

  /** Takes the engine's outline off again where nothing was corrected. */
  leaveCorrection() {
    if (this.#correction === null) return
    this.#correction.sheet.labels?.set(this.#correction.original)
    this.#correction = null
    this.page.store.set({ correcting: false, revision: this.page.state.revision + 1, notice: null })
  }

  /** The engine's outline becomes this person's as it is. */
  acceptSlice() {
    const { sheet, work } = this.page
    const answer = sheet && this.page.answers.slice(sheet.axis, sheet.index)
    if (sheet === null || work === null) return
    this.leaveCorrection()
    if (this.refusesPen()) return
    if (answer === null) return this.page.say('There is no answer for this slice yet: press Segment first.')
    if (sheet.kind === 'human') return this.page.say('You drew this slice yourself, so there is nothing to accept.')
    const change = work.takeOver(sheet, answer, this.page.locked)
    work.save(sheet, change, 'accept', 'accept')
    this.page.say('Accepted: this slice now counts as yours.')
  }

  /** @param {'absent' | 'present' | 'erase'} mark */
  mark(mark) {
    const { sheet, work } = this.page
    if (sheet === null || work === null) return
    this.leaveCorrection()
    if (this.refusesPen()) return
    if (mark === 'absent' && sheet.labels?.some((label) => this.page.locked.has(label))) {
      return this.page.say('A locked structure is on this slice: unlock it before you say that nothing is here.', 'warning')
    }
    work.mark(sheet, mark)
  }

  /** @param {'undo' | 'redo'} what */
  walk(what) {
    if (this.#correction !== null && what === 'undo') return this.leaveCorrection()
    if (!this.page.state.mayDraw) return void this.refusesPen()
    const sheet = this.page.work?.[what]()
    if (sheet) this.page.goTo(sheet.axis, sheet.index)
  }
}
