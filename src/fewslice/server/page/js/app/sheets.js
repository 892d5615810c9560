// The slices of one open scan: what is on each, who drew it, and which revision that is.

import { BACKGROUND } from '../draw/grid.js'

/** @typedef {import('../draw/log.js').Kind} Kind */
/**
 * @typedef {object} Sheet
 * @property {number} axis
 * @property {number} index
 * @property {Kind} kind
 * @property {string | null} person who drew it last
 * @property {number | null} revision the newest one that the server acknowledged
 * @property {Uint8Array<ArrayBuffer> | null} labels null while they are still on the server
 * @property {number} edits grows with every change made here, so that late answers of the server are known as late
 * @property {boolean} held whether a pen is on it
 * @property {string | null} unsent the key of the newest entry that the server has not acknowledged
 */

/** Kinds of slices that hold labels, whether somebody drew them or took them over. */
const HOLDS_LABELS = ['human', 'accepted', 'corrected']

export class Sheets {
  /** @type {Map<string, Sheet>} */
  #sheets = new Map()

  /** @param {[number, number, number]} shape */
  constructor(shape) {
    this.shape = shape
  }

  /** @param {number} axis */
  size(axis) {
    const [n1, n2] = this.shape.filter((_, each) => each !== axis)
    return { n1, n2 }
  }

  /**
   * The sheet of a slice; where nobody has been, an empty one.
   * @param {number} axis
   * @param {number} index
   * @returns {Sheet}
   */
  at(axis, index) {
    const key = `${axis}/${index}`
    const known = this.#sheets.get(key)
    if (known !== undefined) return known
    /** @type {Sheet} */
    const fresh = { axis, index, kind: 'none', person: null, revision: null, labels: this.blank(axis), edits: 0, held: false, unsent: null }
    this.#sheets.set(key, fresh)
    return fresh
  }

  /** @param {number} axis */
  blank(axis) {
    const { n1, n2 } = this.size(axis)
    return new Uint8Array(n1 * n2).fill(BACKGROUND)
  }

  /** @param {import('../api/client.js').SliceInfo} info */
  learn({ axis, index, kind, person, revision }) {
    const sheet = this.at(axis, index)
    if (sheet.unsent !== null || sheet.held) return sheet
    if (sheet.revision !== revision && HOLDS_LABELS.includes(kind)) sheet.labels = null
    return Object.assign(sheet, { kind, person, revision })
  }

  /** Sheets somebody said something about. */
  known() {
    return [...this.#sheets.values()].filter(({ kind }) => kind !== 'none')
  }
}

/** @param {Sheet} sheet */
export const holdsLabels = (sheet) => HOLDS_LABELS.includes(sheet.kind)

/** Whether nobody has said what the voxels are. Of a slice that was only said to hold something they still are the engine's. @param {Sheet} sheet */
export const isOpen = ({ kind }) => kind === 'none' || kind === 'present'
