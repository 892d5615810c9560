// What was done in one scan, in order. Undo and redo walk along it, across labels, slices and planes.

/** @typedef {import('./stroke.js').Change} Change */
/** @typedef {'human' | 'accepted' | 'corrected' | 'absent' | 'present' | 'none'} Kind what a slice is to the project */
/**
 * @typedef {object} Entry
 * @property {number} axis
 * @property {number} index
 * @property {Change | null} change of the labels; null for a mark
 * @property {Kind} kindBefore
 * @property {Kind} kindAfter
 */

const LONGEST = 1000

export class Log {
  constructor() {
    /** @type {Entry[]} */
    this.done = []
    /** @type {Entry[]} */
    this.undone = []
  }

  /**
   * Something new was done: what had been taken back before can no longer be brought back.
   * @param {Entry} entry
   */
  add(entry) {
    this.done.push(entry)
    if (this.done.length > LONGEST) this.done.shift()
    this.undone = []
  }

  /** @returns {Entry | null} what to take back, or null */
  undo() {
    const entry = this.done.pop()
    if (entry === undefined) return null
    this.undone.push(entry)
    return entry
  }

  /** @returns {Entry | null} what to bring back, or null */
  redo() {
    const entry = this.undone.pop()
    if (entry === undefined) return null
    this.done.push(entry)
    return entry
  }

  /** Forgets everything: the server's log goes on where this one does not know the state any more. */
  clear() {
    this.done = []
    this.undone = []
  }
}
