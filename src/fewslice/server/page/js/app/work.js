// Work on one open scan: every change goes to the slice, into the log and into the outbox, in this order.

import * as api from '../api/client.js'
import { NOT_LOOKED_AT } from '../draw/grid.js'
import { Log } from '../draw/log.js'
import { changeBetween, restore } from '../draw/stroke.js'
import { newKey } from '../sync/outbox.js'
import { holdsLabels, Sheets } from './sheets.js'

/** @typedef {import('./sheets.js').Sheet} Sheet */
/** @typedef {import('../draw/log.js').Kind} Kind */
/** @typedef {import('../draw/stroke.js').Change} Change */
/** @typedef {import('../sync/outbox.js').Waiting} Waiting */
/** @typedef {'draw' | 'accept' | 'correct'} Action */

/** @type {Record<Action, Kind>} */
const KIND_AFTER = { draw: 'human', accept: 'accepted', correct: 'corrected' }
/** @type {Record<'absent' | 'present' | 'erase', Kind>} */
const KIND_OF_MARK = { absent: 'absent', present: 'present', erase: 'none' }

export class Work {
  log = new Log()
  /** How often this person changed something. */
  changes = 0
  /** This person's newest revision of the scan. @type {number | null} */
  newest = null
  /** The key of what was done last and is not acknowledged. @type {string | null} */
  #unsent = null
  /** @type {Promise<void>} until what was done last is with the server, or waits for it */
  sent = Promise.resolve()
  /** @type {(sheet: Sheet) => void} called whenever a slice is no longer what it was */
  onSheet = () => {}
  /** Called whenever this person changed something. */
  onChange = () => {}

  /**
   * @param {import('../api/client.js').Scan} scan
   * @param {string} person
   * @param {{outbox: import('../sync/outbox.js').Outbox, sender: {run: () => Promise<void>}, time: import('../sync/active_time.js').ActiveTime}} sync
   */
  constructor(scan, person, { outbox, sender, time }) {
    this.scan = scan
    this.person = person
    this.outbox = outbox
    this.sender = sender
    this.time = time
    this.sheets = new Sheets(scan.shape)
  }

  /** Learns what the server has, and puts over it what this browser did and has not sent yet. */
  async open() {
    await this.learn()
    const waiting = (await this.outbox.all()).filter(({ scan, person }) => scan === String(this.scan.id) && person === this.person)
    for (const entry of waiting) this.#repeat(entry)
  }

  /** Asks the server who drew what: also what others did since. */
  async learn() {
    for (const info of await api.slices(this.scan.id)) {
      const sheet = this.sheets.learn(info)
      if (info.person === this.person) this.newest = Math.max(this.newest ?? 0, info.revision)
      this.onSheet(sheet)
    }
  }

  /** @param {Waiting} entry */
  #repeat(entry) {
    if (entry.what === 'undo' || entry.what === 'redo') return
    const sheet = this.sheets.at(entry.axis, entry.index)
    sheet.unsent = entry.key
    sheet.person = this.person
    if (entry.what === 'slice') Object.assign(sheet, { labels: entry.labels.slice(), kind: KIND_AFTER[entry.action] })
    else Object.assign(sheet, { labels: this.sheets.blank(entry.axis), kind: KIND_OF_MARK[entry.mark] })
  }

  /**
   * A slice with its labels, fetched where the page does not have them yet.
   * @param {number} axis
   * @param {number} index
   */
  async load(axis, index) {
    const sheet = this.sheets.at(axis, index)
    if (sheet.labels !== null) return sheet
    const edits = sheet.edits
    const found = await api.slice(this.scan.id, axis, index)
    if (sheet.edits !== edits || sheet.labels !== null) return sheet
    sheet.labels = found === null ? this.sheets.blank(axis) : /** @type {Uint8Array<ArrayBuffer>} */ (found.data)
    if (found?.revision) sheet.revision = found.revision
    this.onSheet(sheet)
    return sheet
  }

  /** Fetches the labels of every slice that has some, so that they are there when the connection is not. */
  async loadAll() {
    for (const sheet of this.sheets.known().filter(holdsLabels)) await this.load(sheet.axis, sheet.index)
  }

  /**
   * A change that was already made to the slice's labels, or null where a slice is taken as it is.
   * @param {Sheet} sheet
   * @param {Change | null} change
   * @param {Action} action
   * @param {string} tool
   */
  save(sheet, change, action, tool) {
    const { n1, n2 } = this.sheets.size(sheet.axis)
    const labels = /** @type {Uint8Array<ArrayBuffer>} */ (sheet.labels).slice()
    // Whatever a person draws on something that was the engine's stays "corrected": its start was not theirs.
    const settled = action === 'draw' && ['accepted', 'corrected'].includes(sheet.kind) ? 'correct' : action
    this.#record(sheet, change, KIND_AFTER[settled], { what: 'slice', labels, shape: [n1, n2], action: settled, tool })
  }

  /**
   * Says something about a whole slice.
   * @param {Sheet} sheet
   * @param {'absent' | 'present' | 'erase'} mark
   */
  mark(sheet, mark) {
    const before = sheet.labels ?? this.sheets.blank(sheet.axis)
    const after = this.sheets.blank(sheet.axis)
    const change = changeBetween(before, after, this.sheets.size(sheet.axis))
    sheet.labels = after
    this.#record(sheet, change, KIND_OF_MARK[mark], { what: 'mark', mark })
  }

  /**
   * @param {Sheet} sheet
   * @param {Change | null} change
   * @param {Kind} kindAfter
   * @param {import('../sync/outbox.js').SavedSlice | import('../sync/outbox.js').SavedMark} content
   */
  #record(sheet, change, kindAfter, content) {
    this.log.add({ axis: sheet.axis, index: sheet.index, change, kindBefore: sheet.kind, kindAfter })
    sheet.kind = kindAfter
    sheet.person = this.person
    this.#send(sheet, content)
  }

  /**
   * @param {Sheet} sheet
   * @param {import('../sync/outbox.js').SavedSlice | import('../sync/outbox.js').SavedMark | import('../sync/outbox.js').Walk} content
   */
  #send(sheet, content) {
    const key = newKey()
    const walks = content.what === 'undo' || content.what === 'redo'
    const after = walks ? this.#unsent : sheet.unsent
    const entry = {
      ...content,
      key,
      scan: String(this.scan.id),
      person: this.person,
      axis: sheet.axis,
      index: sheet.index,
      parent: after !== null ? null : walks ? this.newest : sheet.revision,
      after,
      seconds: this.time.take()
    }
    sheet.unsent = this.#unsent = key
    sheet.edits++
    this.changes++
    this.onSheet(sheet)
    this.onChange()
    this.sent = this.outbox.add(entry).then(() => this.sender.run())
  }

  /** Takes the last thing back. @returns {Sheet | null} the slice it was on, where the page knows */
  undo() {
    return this.#walk('undo', this.log.undo())
  }

  /** Brings back what was taken back last. @returns {Sheet | null} */
  redo() {
    return this.#walk('redo', this.log.redo())
  }

  /**
   * @param {'undo' | 'redo'} what
   * @param {import('../draw/log.js').Entry | null} entry
   */
  #walk(what, entry) {
    if (entry === null) {
      // Done before this page was opened: the server's log remembers it and says which slice it was on. Until
      // then it is on no slice, which index -1 stands for.
      this.#send(this.sheets.at(this.scan.plane, -1), { what })
      return null
    }
    const sheet = this.sheets.at(entry.axis, entry.index)
    if (entry.change !== null && sheet.labels !== null) {
      restore(sheet.labels, this.sheets.size(sheet.axis), entry.change, what === 'undo' ? 'before' : 'after')
    }
    sheet.kind = what === 'undo' ? entry.kindBefore : entry.kindAfter
    this.#send(sheet, { what })
    return sheet
  }

  /**
   * The server has an entry. After an undo its word counts: the slice it names is fetched anew.
   * @param {Waiting} entry
   * @param {{revision: number | null, axis?: number, index?: number}} saved
   * @returns {Promise<Sheet | null>} the slice that the server's own log took back or brought back
   */
  async acknowledged(entry, saved) {
    const sheet = this.sheets.at(entry.axis, entry.index)
    if (sheet.unsent === entry.key) sheet.unsent = null
    if (this.#unsent === entry.key) this.#unsent = null
    this.newest = saved.revision ?? this.newest
    if (entry.what === 'slice' || entry.what === 'mark') {
      sheet.revision = saved.revision
      return null
    }
    if (entry.index >= 0) await this.refresh(sheet)
    if (saved.revision === null || saved.axis === undefined || saved.index === undefined) return null
    const named = this.sheets.at(saved.axis, saved.index)
    if (named !== sheet) await this.refresh(named)
    return named
  }

  /**
   * Puts the server's state of a slice in place of the page's, unless something here waits to be sent.
   * @param {Sheet} sheet
   */
  async refresh(sheet) {
    const edits = sheet.edits
    const [infos, found] = await Promise.all([api.slices(this.scan.id), api.slice(this.scan.id, sheet.axis, sheet.index)])
    if (sheet.unsent !== null || sheet.held || sheet.edits !== edits) return
    const info = infos.find(({ axis, index }) => axis === sheet.axis && index === sheet.index)
    sheet.labels = found === null ? this.sheets.blank(sheet.axis) : /** @type {Uint8Array<ArrayBuffer>} */ (found.data)
    sheet.kind = info?.kind ?? 'none'
    sheet.person = info?.person ?? null
    sheet.revision = info?.revision ?? found?.revision ?? null
    this.onSheet(sheet)
  }

  /**
   * Labels as the engine may be corrected from: its answer, with what must not be touched left alone.
   * @param {Sheet} sheet
   * @param {Uint8Array} answer
   * @param {ReadonlySet<number>} locked
   */
  takeOver(sheet, answer, locked) {
    const before = /** @type {Uint8Array<ArrayBuffer>} */ (sheet.labels)
    const after = before.slice()
    for (let place = 0; place < after.length; place++) {
      if (!locked.has(after[place]) && answer[place] !== NOT_LOOKED_AT) after[place] = answer[place]
    }
    const change = changeBetween(before, after, this.sheets.size(sheet.axis))
    before.set(after)
    return change
  }
}
