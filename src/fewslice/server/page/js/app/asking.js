// What a person asks the server's engines: segment, what next, train; and what comes back while they work.

import * as api from '../api/client.js'

/** @typedef {import('./page.js').Page} Page */
/** @typedef {import('../api/client.js').Job} Job */

const GOES_ON = ['queued', 'running']

export class Asking {
  /** Slices of an answer under way that are ready to be fetched. @type {Map<string, {scan: number, axis: number, index: number}>} */
  #ready = new Map()
  #fetching = false
  /** Jobs that have ended. @type {Set<number>} */
  #over = new Set()

  /** @param {Page} page */
  constructor(page) {
    this.page = page
  }

  /** Segments the open scan; slices near the one in hand come first. */
  async segment() {
    const { page } = this
    const { scan, axis, index, job } = page.state
    if (scan === null || job !== null) return
    page.editing.leaveCorrection()
    await page.trying(async () => {
      await page.work?.sent // What was drawn last is part of the question.
      const { job: id } = await api.segment(scan.id, { axis, index })
      page.store.set({ job: waitingJob(id, scan.id), suggestion: null, question: null, notice: null, showAnswer: true })
      await this.look(id)
    })
  }

  async cancel() {
    const { job } = this.page.state
    if (job !== null) await this.page.trying(() => api.cancel(job.id))
  }

  /**
   * Asks how a job is getting on.
   * @param {number} id
   */
  async look(id) {
    const job = await this.page.trying(() => api.job(id))
    if (job !== null) await this.#follow(job)
  }

  /** @param {Job} job */
  async #follow(job) {
    const { page } = this
    const over = !GOES_ON.includes(job.state)
    if (this.#over.has(job.id) && !over) return // an answer that was overtaken by a later one
    if (over) this.#over.add(job.id)
    if (job.id === page.state.job?.id) {
      page.store.set({ job: over ? null : job })
      if (job.state === 'finished') await this.#answered(job)
    } else if (job.kind === 'train') {
      page.store.set({ training: over ? null : job })
      if (over) await page.trying(() => this.refreshModels())
    } else return
    if (job.state === 'failed' || job.state === 'interrupted') page.say(job.message ?? 'The server was interrupted: try again.', 'warning')
  }

  /** @param {Job} job */
  async #answered(job) {
    this.page.store.set({ remarks: remarksOf(job) })
    await this.page.trying(() => this.page.refreshAnswer())
    await this.page.trying(() => this.page.refreshScans())
    await this.suggest()
  }

  /**
   * A slice of an answer that is still being worked on.
   * @param {{job: number, scan: number, axis: number, index: number}} event
   */
  async preview({ scan, axis, index }) {
    this.#ready.set(`${scan}/${axis}/${index}`, { scan, axis, index })
    if (this.#fetching) return
    this.#fetching = true
    while (this.#ready.size > 0) await this.#fetchNearest()
    this.#fetching = false
  }

  /** Slices come faster than they can be fetched: the one nearest to the slice in hand goes first. */
  async #fetchNearest() {
    const { page } = this
    const { scan: open, job } = page.state
    const far = (/** @type {{axis: number, index: number}} */ place) =>
      place.axis === page.state.axis ? Math.abs(place.index - page.state.index) : 1e6 + place.index
    const [[name, place]] = [...this.#ready].sort(([, one], [, other]) => far(one) - far(other))
    this.#ready.delete(name)
    // Once the whole answer is there, it holds these slices as well.
    if (place.scan !== open?.id || job === null) return
    const found = await page.trying(() => api.answerSlice(place.scan, place.axis, place.index))
    if (found === null || page.state.scan?.id !== place.scan || page.state.job === null) return
    page.answers.preview(place.axis, place.index, found.data)
    page.store.set({ answered: page.state.answered + 1 })
  }

  /** Fetches what to draw next, and shows it beside the slice. */
  async suggest() {
    const { page } = this
    const { scan, asking } = page.state
    if (scan === null || asking) return null
    page.store.set({ asking: true })
    const { work } = page
    /** @type {api.Suggestion | null} */
    let suggestion = null
    for (let changes = -1; changes !== (work?.changes ?? 0); ) {
      changes = work?.changes ?? 0 // What is drawn while the answer is on its way makes it stale.
      await work?.sent
      suggestion = await page.trying(() => api.suggestion(scan.id))
    }
    page.store.set({ asking: false })
    if (suggestion === null || page.state.scan?.id !== scan.id) return null
    page.store.set({ suggestion, question: null, nextScan: null })
    void page.refreshStrip()
    if (suggestion.provisional) void this.#rank(scan.id, suggestion)
    return suggestion
  }

  /**
   * Waits for the ranking behind a provisional suggestion, and shows it unless the person has gone on.
   * @param {number} id
   * @param {import('../api/client.js').Suggestion} before
   */
  async #rank(id, before) {
    const { page } = this
    const ranked = await api.suggestion(id, 1, 60).catch(() => null)
    if (ranked === null || ranked.provisional || page.state.suggestion !== before) return
    page.store.set({ suggestion: ranked })
    void page.refreshStrip()
  }

  /** Goes where the strategy asks for; where this scan needs nothing more, names the scan that does. */
  async next() {
    const { page } = this
    const { nextScan } = page.state
    if (page.state.asking) return
    if (nextScan?.scan) return this.openNext(nextScan.scan)
    const suggestion = page.state.suggestion ?? (await this.suggest())
    const [slice] = suggestion?.slices ?? []
    if (slice !== undefined) {
      page.goTo(slice.axis, slice.index)
      page.store.set({ question: slice.kind === 'present' ? slice : null })
      return
    }
    const found = await page.trying(() => api.queue(page.state.scan?.id))
    if (found !== null) page.store.set({ nextScan: found })
  }

  /**
   * Opens the scan that comes next; where nothing is known of it yet, what was drawn on others gives a first answer.
   * @param {number} id
   */
  async openNext(id) {
    const { page } = this
    await page.openScan(id)
    const { scan, mayDraw } = page.state
    const untouched = scan?.id === id && mayDraw && scan.annotated_slices === 0 && page.answers.whole === null
    if (untouched && page.helped) await this.segment()
  }

  /**
   * Answers whether the structure is on the slice that was asked about.
   * @param {boolean} there
   */
  async answer(there) {
    const { page } = this
    const { question } = page.state
    if (question === null) return
    page.goTo(question.axis, question.index)
    page.editing.mark(there ? 'present' : 'absent')
    page.store.set({ question: null, suggestion: null })
    await page.work?.sent
    await this.next()
  }

  /**
   * @param {'submit' | 'accept' | 'return'} verb
   * @param {string} [remark]
   */
  async review(verb, remark) {
    const { page } = this
    const { scan } = page.state
    if (scan === null) return
    await page.work?.sent
    const done = await page.trying(async () => {
      // Whoever may accept need not hand in first.
      if (verb === 'accept' && scan.status !== 'submitted') await api.review(scan.id, 'submit')
      return api.review(scan.id, verb, remark)
    })
    if (done === null) return page.offerChoice()
    await page.trying(() => page.refreshScans())
    const found = await page.trying(() => api.queue(scan.id))
    page.store.set({ nextScan: found, suggestion: null })
  }

  async train() {
    await this.page.trying(async () => {
      const { job } = await api.train()
      await this.look(job)
    })
  }

  async cancelTraining() {
    const { training } = this.page.state
    if (training === null) return
    await this.page.trying(() => api.cancel(training.id))
    await this.look(training.id)
  }

  async refreshModels() {
    this.page.store.set({ models: await api.models() })
    await this.page.refreshScans()
  }

  /** @param {number} version */
  async activate(version) {
    await this.page.trying(() => api.activate(version))
    await this.page.trying(() => this.refreshModels())
  }

  /** Jobs that ran when the scan was opened, or the page; and what was remarked on the scan's last answer. */
  async resume() {
    const { page } = this
    const id = page.state.scan?.id
    const jobs = (await page.trying(() => api.jobs())) ?? [] // newest first
    const training = jobs.find(({ kind, state }) => kind === 'train' && GOES_ON.includes(state))
    if (training !== undefined) page.store.set({ training })
    if (id === undefined || id !== page.state.scan?.id || page.state.job !== null) return
    const own = jobs.filter(({ kind, scan }) => kind === 'segment' && scan === id)
    const job = own.find(({ state, id: number }) => GOES_ON.includes(state) && !this.#over.has(number)) ?? null
    page.store.set({ job, remarks: remarksOf(own.find(({ state }) => state === 'finished')) })
  }
}

/** @param {Job} [job] */
const remarksOf = (job) => job?.result?.remarks ?? []

/**
 * @param {number} id
 * @param {number} scan
 * @returns {Job}
 */
const waitingJob = (id, scan) => ({ id, kind: 'segment', state: 'queued', progress: 0, text: 'Segmenting', message: null, scan })
