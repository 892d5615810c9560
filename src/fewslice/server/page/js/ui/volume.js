// The small view beside the slice: three planes or 3D, loaded once the slice can be drawn on.

import { smallLabels } from '../view/overview.js'
import { element, part, show } from './dom.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/page.js').Page} Page */
/** @typedef {import('../view/volume_view.js').VolumeView} VolumeView */
/** @typedef {import('../view/volume_view.js').Layout} Layout */

const AFTER_SLICE = 300 // milliseconds
const QUIET = 500 // milliseconds after the last change before labels are shown anew

export class VolumePanel {
  /** @type {VolumeView | null} */
  #view = null
  /** @type {Layout} */
  #layout = 'planes'
  #canvas = element('canvas', { 'aria-label': 'Three planes and 3D', role: 'img' })
  #said = element('p', {}, '')
  /** @type {import('../view/nifti.js').Volume | null} */
  #loaded = null
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #later

  /** @param {Page} page */
  constructor(page) {
    this.page = page
    const choice = (/** @type {Layout} */ layout, /** @type {string} */ name) =>
      element('button', { id: `layout-${layout}`, role: 'radio', 'aria-checked': String(layout === this.#layout), onclick: () => this.#setLayout(layout) }, name)
    show(
      part('volume'),
      element('div', { class: 'volume-view' }, this.#canvas, this.#said),
      element('div', { class: 'volume-bar' }, element('div', { class: 'segmented', role: 'radiogroup', 'aria-label': 'Layout' }, choice('planes', 'Planes'), choice('volume', '3D')))
    )
  }

  /** @param {Layout} layout */
  #setLayout(layout) {
    this.#layout = layout
    for (const each of ['planes', 'volume']) part(`layout-${each}`).setAttribute('aria-checked', String(each === layout))
    this.#view?.setLayout(layout)
  }

  /** @param {State} state */
  showImage({ volume, scan }) {
    part('volume').hidden = scan === null
    if (volume === null || scan === null || volume === this.#loaded) return
    this.#loaded = volume
    // The slice comes first: what is drawn on must not wait for what is only looked at.
    setTimeout(() => this.#loaded === volume && void this.#load(volume, scan.name), AFTER_SLICE)
  }

  /** @param {import('../view/nifti.js').Volume} volume @param {string} name */
  async #load(volume, name) {
    show(this.#said)
    try {
      const { VolumeView } = await import('../view/volume_view.js')
      this.#view ??= new VolumeView(this.#canvas, (voxel) => this.page.goTo(this.page.state.axis, voxel[this.page.state.axis]))
      const { window: shown, project } = this.page.state
      await this.#view.load(volume, name, shown, project?.structures ?? [])
    } catch {
      this.#view = null
      show(this.#said, 'Planes and 3D need WebGL 2, which this browser does not offer. Drawing works without.')
      return
    }
    if (this.#loaded !== volume) return
    this.#view.setLayout(this.#layout)
    this.showAll(this.page.state)
  }

  /** @param {State} state */
  showAll(state) {
    this.showWindow(state)
    this.#view?.setRadiological(state.radiological)
    this.#view?.setStructures(state.project?.structures ?? [])
    this.showPlace(state)
    this.showLabels()
  }

  /** @param {State} state */
  showWindow({ window: shown }) {
    this.#view?.setWindow(shown)
  }

  /** @param {State} state */
  showPlace({ scan, axis, index }) {
    if (scan === null) return
    const middle = /** @type {[number, number, number]} */ (scan.shape.map((count) => Math.floor(count / 2)))
    middle[axis] = index
    this.#view?.point(middle)
  }

  /** Labels once things have been quiet for a moment: they are a whole volume. */
  showLabels() {
    clearTimeout(this.#later)
    this.#later = setTimeout(() => {
      const { scan } = this.page.state
      if (this.#view === null || scan === null) return
      const drawn = this.page.work?.sheets.known() ?? []
      this.#view.showLabels(smallLabels(this.#view.sampling, this.page.answers.whole, drawn))
    }, QUIET)
  }
}
