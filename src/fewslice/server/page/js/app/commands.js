// Everything that a button or a key does, under one name.

/** @typedef {import('./page.js').Page} Page */
/** @typedef {import('./asking.js').Asking} Asking */
/** @typedef {import('./pen.js').Pen} Pen */
/** @typedef {ReturnType<typeof commandsOf>} Commands */

/**
 * @param {Page} page
 * @param {Asking} asking
 * @param {Pen} pen
 */
export function commandsOf(page, asking, pen) {
  const { store } = page
  /** @type {(what: 'showDrawing' | 'showAnswer' | 'showHeat' | 'cutting' | 'help') => void} */
  const flip = (what) => store.set({ [what]: !page.state[what] })
  const drop = () => {
    pen.cancel()
    store.set({ notice: null, help: false })
  }
  return {
    undo: () => (pen.busy ? drop() : page.editing.walk('undo')),
    redo: () => page.editing.walk('redo'),
    segment: () => void asking.segment(),
    cancel: () => void asking.cancel(),
    next: () => void asking.next(),
    openNext: (/** @type {number} */ scan) => void asking.openNext(scan),
    yes: () => void asking.answer(true),
    no: () => void asking.answer(false),
    acceptSlice: () => page.editing.acceptSlice(),
    correctSlice: () => (page.state.correcting ? page.editing.leaveCorrection() : page.editing.correctSlice()),
    absent: () => page.editing.mark('absent'),
    erase: () => page.editing.mark('erase'),
    submitScan: () => void asking.review('submit'),
    acceptScan: () => void asking.review('accept'),
    returnScan: (/** @type {string} */ remark) => void asking.review('return', remark),
    train: () => void asking.train(),
    cancelTraining: () => void asking.cancelTraining(),
    activate: (/** @type {number} */ version) => void asking.activate(version),
    cut: () => flip('cutting'),
    drawing: () => flip('showDrawing'),
    answer: () => flip('showAnswer'),
    heat: () => flip('showHeat'),
    help: () => flip('help'),
    channel: () => {
      const { scan, channel } = page.state
      if (scan !== null && scan.channels > 1) void page.showChannel((channel + 1) % scan.channels)
    },
    plane: () => page.goTo((page.state.axis + 2) % 3),
    fit: () => {
      pen.view.viewport.fit()
      pen.view.moved()
    },
    zoom: (/** @type {number} */ factor) => {
      const { width, height } = pen.view.viewport
      pen.view.viewport.zoomAt(factor, { x: width / 2, y: height / 2 })
      pen.view.moved()
    },
    window: () => {
      const { presets: all, window: shown } = page.state
      const at = all.findIndex(({ low, high }) => low === shown.low && high === shown.high)
      const next = all[(at + 1) % all.length]
      if (next !== undefined) store.set({ window: { low: next.low, high: next.high } })
    },
    lock: () => {
      const structure = page.state.project?.structures.find(({ value }) => value === page.state.value)
      if (structure !== undefined) void page.changeStructure({ ...structure, locked: !structure.locked })
    },
    drop
  }
}
