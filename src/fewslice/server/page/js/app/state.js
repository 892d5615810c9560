// Everything the page shows and a person chooses.

import { Store } from './store.js'

/** @typedef {import('../api/client.js').Scan} Scan */
/** @typedef {import('../draw/tools.js').ToolName} ToolName */
/**
 * @typedef {object} Notice
 * @property {string} text
 * @property {'said' | 'warning'} kind
 * @property {{label: string, act: () => void}[]} actions
 */
/** @typedef {{axis: number, index: number, names: [string, string], labels: [Uint8Array, Uint8Array]}} Compared */
/**
 * @typedef {object} State
 * @property {import('../api/client.js').Person | null} me
 * @property {import('../api/client.js').Project | null} project
 * @property {Scan[]} scans
 * @property {Scan | null} scan the open one
 * @property {number} opened grows with every scan that is opened, and not when news of it arrive
 * @property {boolean} loading whether a scan is on its way
 * @property {boolean} mayDraw false while somebody else has the scan
 * @property {import('../view/nifti.js').Volume | null} volume
 * @property {number} channel
 * @property {import('../api/client.js').Preset[]} presets windows of the channel that is shown
 * @property {number} axis
 * @property {number} index
 * @property {ToolName} tool
 * @property {number} value the label in hand
 * @property {number} radius of the brush, mm
 * @property {boolean} cutting
 * @property {boolean} radiological
 * @property {boolean} smooth
 * @property {boolean} showDrawing
 * @property {boolean} showAnswer
 * @property {boolean} showHeat
 * @property {number} opacity
 * @property {import('../view/raster.js').Window} window
 * @property {number} revision grows with every change of a slice, so that what depends on slices is shown anew
 * @property {boolean} correcting whether the engine's outline is being corrected and nothing is saved yet
 * @property {number} answered grows with every answer of the engine
 * @property {import('../api/client.js').StripSlice[]} strip of the axis in hand
 * @property {import('../api/client.js').Suggestion | null} suggestion
 * @property {boolean} asking whether a suggestion is on its way
 * @property {import('../api/client.js').Suggested | null} question the slice of which only "is it there?" is asked
 * @property {import('../api/client.js').NextScan | null} nextScan
 * @property {import('../api/client.js').Job | null} job the segmentation that runs
 * @property {string[]} remarks on the last answer
 * @property {import('../api/client.js').PairAgreement[]} agreement of people who annotated the open scan apart
 * @property {Compared | null} compared the slice on which two people are laid over each other
 * @property {import('../api/client.js').Job | null} training
 * @property {import('../api/client.js').Model[]} models
 * @property {{state: import('../sync/sender.js').State, waiting: number}} sync
 * @property {Notice | null} notice
 * @property {boolean} help
 */

/** @returns {Store<State>} */
export function newStore() {
  return new Store(
    /** @type {State} */ ({
      me: null,
      project: null,
      scans: [],
      scan: null,
      opened: 0,
      loading: false,
      mayDraw: true,
      volume: null,
      channel: 0,
      presets: [],
      axis: 2,
      index: 0,
      tool: 'brush',
      value: 1,
      radius: 4,
      cutting: false,
      radiological: true,
      smooth: true,
      showDrawing: true,
      showAnswer: true,
      showHeat: false,
      opacity: 0.35,
      window: { low: 0, high: 1 },
      revision: 0,
      correcting: false,
      answered: 0,
      strip: [],
      suggestion: null,
      remarks: [],
      asking: false,
      question: null,
      nextScan: null,
      job: null,
      agreement: [],
      compared: null,
      training: null,
      models: [],
      sync: { state: 'saved', waiting: 0 },
      notice: null,
      help: false
    })
  )
}
