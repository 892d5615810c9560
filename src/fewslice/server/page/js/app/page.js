// The page as a person uses it: which scan and slice are open, and everything that can be done with them.

import * as api from '../api/client.js'
import { Offline } from '../api/http.js'
import { firstRadius } from '../draw/brush_size.js'
import { NOT_LOOKED_AT } from '../draw/grid.js'
import { readNifti } from '../view/nifti.js'
import { PLANES } from '../view/plane.js'
import { automaticWindow } from '../view/raster.js'
import { Answers } from './answers.js'
import { choice } from './choice.js'
import { crossingsBeside, withCrossings } from './crossing.js'
import { Editing } from './editing.js'
import { Lease } from './lease.js'
import { holdsLabels, isOpen } from './sheets.js'
import { Work } from './work.js'

/** @typedef {import('./state.js').State} State */
/** @typedef {import('./store.js').Store<State>} PageStore */

const READ = 8000 // milliseconds after which a sentence that asks for nothing goes away
const QUIET = 700 // milliseconds after the last stroke before lists and figures are fetched anew

export class Page {
  answers = new Answers()
  /** @type {Work | null} */
  work = null
  /** @type {AbortController} */
  #opening = new AbortController()
  /** @type {Map<number, {index: number}>} where a person was along each axis */
  #places = new Map()
  /** @type {Map<number, import('../api/client.js').StripSlice[]>} what was said last of the slices across each axis */
  #strips = new Map()
  /** @type {Map<number, import('../view/raster.js').Window>} how each channel was looked at; their intensities have nothing in common */
  #windows = new Map()
  /** @type {Map<number, boolean>} locks of somebody who may not change the project's structures */
  #ownLocks = new Map()
  /** @type {Map<number, boolean>} locks on their way to the server, of which an answer asked for before knows nothing */
  #sentLocks = new Map()
  /** What was said when the server could not be reached. @type {import('./state.js').Notice | null} */
  #unreached = null
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #later

  /**
   * @param {PageStore} store
   * @param {ConstructorParameters<typeof Work>[2]} sync
   */
  constructor(store, sync) {
    this.store = store
    this.sync = sync
    this.editing = new Editing(this)
    this.lease = new Lease(this)
  }

  get state() {
    return this.store.state
  }

  /**
   * Shows a sentence, with what a person can do about it.
   * @param {string} text
   * @param {'said' | 'warning'} [kind]
   * @param {import('./state.js').Notice['actions']} [actions]
   */
  say(text, kind = 'said', actions = []) {
    const notice = { text, kind, actions }
    this.store.set({ notice })
    if (kind === 'said' && actions.length === 0) setTimeout(() => this.state.notice === notice && this.store.set({ notice: null }), READ)
  }

  /**
   * Runs something that asks the server; a refusal is shown and not thrown.
   * @template T
   * @param {() => Promise<T>} act
   * @returns {Promise<T | null>}
   */
  async trying(act) {
    try {
      return await act()
    } catch (error) {
      if (error instanceof Offline) this.#sayUnreached(error.message)
      else if (!(error instanceof DOMException && error.name === 'AbortError')) {
        this.say(error instanceof Error ? error.message : String(error), 'warning')
      }
      return null
    }
  }

  /** @param {string} message */
  #sayUnreached(message) {
    const { notice } = this.state
    if (notice !== null && notice.actions.length > 0) return // what waits for an answer stays
    this.say(message, 'warning')
    this.#unreached = this.state.notice
  }

  /** The server can be reached again: what was said of that is no longer true. */
  reached() {
    const { notice } = this.state
    if (notice !== null && notice === this.#unreached) this.store.set({ notice: null })
  }

  async refreshScans() {
    const [project, scans] = await Promise.all([api.project(), api.scans()])
    const open = this.state.scan
    const scan = scans.find(({ id }) => id === open?.id) ?? open
    const lock = (/** @type {number} */ value) => this.#ownLocks.get(value) ?? this.#sentLocks.get(value)
    const structures = project.structures.map((each) => ({ ...each, locked: lock(each.value) ?? each.locked }))
    this.store.news({ project: { ...project, structures }, scans, scan: scan && { ...scan, window: scan.window ?? open?.window ?? null } })
  }

  /**
   * Opens a scan: its image first, so that a person can draw, then what is known about it.
   * @param {number} id
   */
  async openScan(id) {
    const { me, scan: before, mayDraw: held } = this.state
    if (me === null) return
    if (before !== null && before.id !== id && held) void this.trying(() => api.release(before.id))
    this.#opening.abort()
    this.#opening = new AbortController()
    const { signal } = this.#opening
    this.editing.leaveCorrection()
    this.store.set({ loading: true, notice: null })
    await this.trying(async () => {
      const work = new Work(this.#listed(id) ?? (await api.scan(id)), me.name, this.sync)
      // The server makes the window while it reads the scan for the image: asked for first, it would read it twice.
      const image = api.image(id, 0, signal)
      const told = image.then(() => Promise.all([api.scan(id), work.open()]))
      const [mayDraw, volume, [scan]] = await Promise.all([this.lease.take(id), image.then(readNifti), told])
      if (signal.aborted) return
      this.#settle(scan, work)
      this.store.set({ ...this.#fresh(scan, volume), mayDraw })
      void this.trying(() => work.loadAll())
      await Promise.all([this.refreshAnswer(), this.askConflict(), this.#compare(scan), this.refreshScans()])
    })
    if (!signal.aborted) this.store.set({ loading: false })
  }

  /** @param {number} id */
  #listed(id) {
    return this.state.scans.find((scan) => scan.id === id)
  }

  /**
   * @param {api.Scan} scan
   * @param {Work} work
   */
  #settle(scan, work) {
    work.onSheet = () => this.store.set({ revision: this.state.revision + 1 })
    work.onChange = () => this.store.set({ suggestion: null, nextScan: null, sync: { ...this.state.sync, state: 'saving' } })
    this.work = work
    this.answers = new Answers()
    this.editing.forget()
    this.#windows.clear()
    this.#strips.clear()
    this.#places = new Map([0, 1, 2].map((axis) => [axis, { index: Math.floor(scan.shape[axis] / 2) }]))
  }

  /**
   * @param {api.Scan} scan
   * @param {import('../view/nifti.js').Volume} volume
   * @returns {Partial<State>}
   */
  #fresh(scan, volume) {
    const window = scan.window ?? { low: 0, high: 1 }
    const first = firstRadius(scan)
    // The size that a person chose stays, unless it was for a scan of another kind.
    const chosen = this.state.scan !== null && first === firstRadius(this.state.scan)
    return {
      scan,
      opened: this.state.opened + 1,
      volume,
      radius: chosen ? this.state.radius : first,
      channel: 0,
      presets: scan.window?.presets ?? [],
      axis: scan.plane,
      index: Math.floor(scan.shape[scan.plane] / 2),
      window: { low: window.low, high: window.high },
      strip: [],
      compared: null,
      suggestion: null,
      question: null,
      nextScan: null,
      remarks: [],
      job: null,
      answered: this.state.answered + 1,
      revision: this.state.revision + 1
    }
  }

  /**
   * Where several people annotated a scan apart from each other: how well they agree. They themselves may not know.
   * @param {api.Scan} scan
   */
  async #compare(scan) {
    const found = scan.independent && this.state.me?.role !== 'annotator' ? await this.trying(() => api.agreement(scan.id)) : null
    if (this.state.scan?.id === scan.id) this.store.set({ agreement: found?.pairs ?? [] })
  }

  /**
   * Goes to a slice that two people drew apart from each other, and lays one over the other.
   * @param {[string, string]} names
   * @param {{axis: number, index: number}} place
   */
  async compare(names, { axis, index }) {
    const { scan } = this.state
    if (scan === null) return
    this.goTo(axis, index)
    const labels = await this.trying(async () => {
      const people = await api.people()
      const ids = names.map((name) => people.find((each) => each.name === name)?.id ?? 0)
      return Promise.all(ids.map((id) => api.sliceOfPerson(scan.id, axis, index, id)))
    })
    const [first, second] = labels ?? []
    if (!first || !second || this.state.axis !== axis || this.state.index !== index) return
    this.store.set({ compared: { axis, index, names, labels: [first.data, second.data] } })
  }

  /** @param {number} channel */
  async showChannel(channel) {
    const { scan } = this.state
    if (scan === null) return
    const volume = await this.trying(async () => readNifti(await api.image(scan.id, channel)))
    if (volume === null || this.state.scan?.id !== scan.id) return
    this.#windows.set(this.state.channel, this.state.window)
    const presets = channel === 0 ? (scan.window?.presets ?? []) : [{ name: 'automatic', ...automaticWindow(volume) }]
    const { low, high } = this.#windows.get(channel) ?? presets[0] ?? this.state.window
    this.store.set({ volume, channel, presets, window: { low, high } })
  }

  /** The slice in hand; null while no scan is open. */
  get sheet() {
    return this.work?.sheets.at(this.state.axis, this.state.index) ?? null
  }

  /** What is to be seen on the slice in hand besides what somebody drew on it; null where that is nothing. */
  get besides() {
    const { work, sheet } = this
    if (work === null || sheet === null) return null
    const { shape } = work.scan
    const known = work.sheets.known()
    if (this.state.correcting || holdsLabels(sheet)) return sheet.labels && crossingsBeside(shape, sheet, known)
    return isOpen(sheet) ? withCrossings(shape, sheet, this.answers.slice(sheet.axis, sheet.index), known) : null
  }

  /**
   * @param {number} axis
   * @param {number} [index]
   */
  goTo(axis, index = this.#places.get(axis)?.index ?? 0) {
    const { scan } = this.state
    if (scan === null) return
    const place = Math.min(scan.shape[axis] - 1, Math.max(0, index))
    if (axis === this.state.axis && place === this.state.index) return
    this.editing.leaveCorrection()
    const newAxis = axis !== this.state.axis
    this.#places.set(axis, { index: place })
    // What was said of one slice is no longer true on the next; warnings wait for an answer.
    const notice = this.state.notice?.kind === 'warning' ? this.state.notice : null
    this.store.set({ axis, index: place, question: null, compared: null, notice, strip: this.#strips.get(axis) ?? (newAxis ? [] : this.state.strip) })
    if (newAxis) void this.refreshStrip()
    void this.trying(async () => this.work?.load(axis, place))
  }

  /** @param {number} steps */
  step(steps) {
    this.goTo(this.state.axis, this.state.index + steps)
  }

  /** Whether scans of the same kind are drawn on, which an answer to the open one can start from. */
  get helped() {
    const { scan, scans } = this.state
    return scan !== null && scans.some(({ id, annotated_slices, channels }) => id !== scan.id && annotated_slices > 0 && channels === scan.channels)
  }

  /** Labels that no tool may paint over. */
  get locked() {
    return new Set(this.state.project?.structures.filter(({ locked }) => locked).map(({ value }) => value))
  }

  /**
   * @param {import('../sync/outbox.js').Waiting} entry
   * @param {import('../sync/sender.js').Saved} saved
   */
  async acknowledged(entry, saved) {
    if (entry.scan !== String(this.work?.scan.id)) return
    const sheet = await this.trying(async () => (await this.work?.acknowledged(entry, saved)) ?? null)
    if (sheet) this.goTo(sheet.axis, sheet.index)
    else if (saved.revision === null) this.say(entry.what === 'undo' ? 'There is nothing to take back.' : 'There is nothing to bring back.')
    if (saved.conflict) void this.askConflict()
    clearTimeout(this.#later)
    this.#later = setTimeout(() => {
      void this.refreshStrip()
      void this.trying(() => this.refreshScans())
    }, QUIET)
  }

  /** Shows a choice that waits: a slice was changed twice at once, and both versions are kept. */
  async askConflict() {
    const { work } = this
    const [first] = (work && (await this.trying(() => api.conflicts(work.scan.id)))) ?? []
    if (work === null || first === undefined) return
    const { axis, index, revision } = first
    const keep = async (/** @type {boolean} */ kept) => {
      if ((await this.trying(() => api.resolve(work.scan.id, revision, kept))) === null) return
      this.store.set({ notice: null })
      await this.trying(() => work.refresh(work.sheets.at(axis, index)))
      await this.askConflict()
      this.lease.remind()
    }
    const { what, change, head } = choice(first, `${PLANES[axis]} slice ${index + 1}`, work.person)
    this.say(`${what} Both versions are kept. Which one counts?`, 'warning', [
      { label: change, act: () => void keep(true) },
      { label: head, act: () => void keep(false) }
    ])
  }

  /** Puts a button beside what was said that leads to a choice, if one waits. */
  async offerChoice() {
    const { work } = this
    const { notice } = this.state
    const waiting = work && (await this.trying(() => api.conflicts(work.scan.id)))
    if (!waiting?.length || notice === null || this.state.notice !== notice) return
    this.say(notice.text, notice.kind, [{ label: 'Choose', act: () => void this.askConflict() }])
  }

  /** Somebody else drew on the open scan. */
  async learn() {
    await this.work?.learn()
    await this.work?.load(this.state.axis, this.state.index)
    await this.refreshStrip()
  }

  async refreshStrip() {
    const { scan, axis } = this.state
    if (scan === null) return
    const strip = await this.trying(() => api.strip(scan.id, axis))
    if (strip === null || this.state.scan?.id !== scan.id) return
    this.#strips.set(axis, strip.slices)
    if (this.state.axis === axis) this.store.set({ strip: strip.slices })
  }

  /** Fetches the engine's last answer to the open scan. */
  async refreshAnswer() {
    const { scan } = this.state
    if (scan === null) return
    const { answers } = this
    const [whole, uncertainty] = await Promise.all([api.answer(scan.id), api.uncertainty(scan.id)])
    answers.setWhole(whole)
    answers.setUncertainty(uncertainty)
    this.store.set({ answered: this.state.answered + 1 })
    await this.refreshStrip()
  }

  /** @param {import('../api/client.js').Structure} structure */
  async changeStructure(structure) {
    const { me, project } = this.state
    if (project !== null) {
      // At once: the next stroke must not paint over what was locked just now.
      const structures = project.structures.map((each) => (each.value === structure.value ? { ...each, locked: structure.locked } : each))
      this.store.set({ project: { ...project, structures } })
    }
    // Names and colours are the project's; what may be painted over is everybody's own choice.
    if (me?.role !== 'admin') return void this.#ownLocks.set(structure.value, structure.locked)
    const { value, locked } = structure
    this.#sentLocks.set(value, locked)
    const changed = await this.trying(() => api.changeStructure(structure))
    if (changed === null) this.#sentLocks.delete(value)
    await this.trying(() => this.refreshScans())
    if (this.#sentLocks.get(value) === locked) this.#sentLocks.delete(value)
  }

  /** @param {string} name */
  async addStructure(name) {
    const added = await this.trying(() => api.addStructure({ name }))
    if (added === null) return
    await this.trying(() => this.refreshScans())
    this.store.set({ value: added.value })
  }

  /** @param {number} value */
  choose(value) {
    const known = value === 0 || value === NOT_LOOKED_AT || this.state.project?.structures.some((each) => each.value === value)
    if (known) this.store.set({ value })
  }
}
