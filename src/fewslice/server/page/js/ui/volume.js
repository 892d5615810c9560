// The small view beside the slice: three planes with the structures in 3D, either alone, or the scan in 3D. What
// needs WebGL is loaded once the slice can be drawn on.

import { isOpen } from '../app/sheets.js'
import { samplingOf, smallLabels } from '../view/overview.js'
import { element, part, show } from './dom.js'
import { SolidCanvas } from './solid.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/page.js').Page} Page */
/** @typedef {import('../view/volume_view.js').VolumeView} VolumeView */
/** @typedef {'planes' | 'solid' | 'scan'} Layout */

const LAYOUTS = /** @type {const} */ ([
  ['planes', 'Planes'],
  ['solid', '3D'],
  ['scan', 'Scan in 3D']
])
const QUIET = 500 // milliseconds after the last change before labels are shown anew
const LATEST = 2000 // milliseconds until planes are loaded although the browser is busy
const PEN_DOWN = 300 // milliseconds until it is looked again whether the pen is up
const WITHOUT = 'Planes need WebGL 2, which this browser does not offer. Drawing works without, and structures stand here in 3D.'
const NARROWEST = 72 // pixels that structures need beside the planes

export class VolumePanel {
  /** @type {VolumeView | null} */
  #view = null
  /** @type {Layout} */
  #layout = 'planes'
  #canvas = element('canvas', { 'aria-label': 'Three planes', role: 'img' })
  #solid = new SolidCanvas()
  #said = element('p', { class: 'said' })
  /** @type {import('../view/nifti.js').Volume | null} */
  #loaded = null
  #webgl = true
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #later

  /** @param {Page} page */
  constructor(page) {
    this.page = page
    const choice = (/** @type {Layout} */ layout, /** @type {string} */ name) =>
      element('button', { id: `layout-${layout}`, role: 'radio', 'aria-checked': String(layout === this.#layout), onclick: () => this.#setLayout(layout) }, name)
    show(
      part('volume'),
      element('div', { class: 'volume-view' }, this.#canvas, this.#solid.canvas, this.#said),
      element(
        'div',
        { class: 'volume-bar' },
        element('div', { class: 'segmented', role: 'radiogroup', 'aria-label': 'Small view' }, LAYOUTS.map(([layout, name]) => choice(layout, name)))
      )
    )
    new ResizeObserver(() => this.#arrange()).observe(this.#canvas)
  }

  /** @param {Layout} layout */
  #setLayout(layout) {
    this.#layout = layout
    for (const [each] of LAYOUTS) part(`layout-${each}`).setAttribute('aria-checked', String(each === layout))
    this.#canvas.hidden = layout === 'solid'
    if (layout !== 'solid') this.#view?.setLayout(layout)
    this.#arrange()
  }

  /** Puts the structures where the layout has room for them: all of the view, or the corner beside the planes. */
  #arrange() {
    const { style } = this.#solid.canvas
    const corner = this.#layout === 'planes' ? this.#view?.freeCorner() : undefined
    const [left, top] = this.#layout === 'solid' ? [0, 0] : (corner ?? [Infinity, Infinity])
    const { clientWidth, clientHeight } = part('volume').firstElementChild ?? part('volume')
    this.#solid.canvas.hidden = clientWidth - left < NARROWEST || clientHeight - top < NARROWEST
    if (this.#solid.canvas.hidden) return this.#say()
    Object.assign(style, { left: `${left}px`, top: `${top}px`, width: `${clientWidth - left}px`, height: `${clientHeight - top}px` })
    this.#solid.draw()
    this.#say()
  }

  #say() {
    const sentence = this.#webgl ? 'Structures stand here in 3D as soon as one is drawn or segmented.' : WITHOUT
    show(this.#said, this.#layout === 'solid' && this.#solid.empty && sentence)
  }

  /** @param {State} state */
  showImage({ volume, scan }) {
    part('volume').hidden = scan === null
    if (volume === null || scan === null || volume === this.#loaded) return
    this.#loaded = volume
    // The slice comes first: what is drawn on must not wait for what is only looked at.
    void this.#whenQuiet().then(() => (this.#loaded === volume ? this.#load(volume, scan.name) : undefined))
  }

  /** Until the slice is on the screen, the browser has time and no pen is down. */
  async #whenQuiet() {
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
    // Safari does not say when it has time.
    if ('requestIdleCallback' in window) await new Promise((resolve) => requestIdleCallback(resolve, { timeout: LATEST }))
    while (this.page.sheet?.held) await new Promise((resolve) => setTimeout(resolve, PEN_DOWN))
  }

  /** @param {import('../view/nifti.js').Volume} volume @param {string} name */
  async #load(volume, name) {
    try {
      const { VolumeView } = await import('../view/volume_view.js')
      this.#view ??= new VolumeView(this.#canvas, (voxel) => this.page.goTo(this.page.state.axis, voxel[this.page.state.axis]))
      const { window: shown, project } = this.page.state
      await this.#view.load(volume, name, shown, project?.structures ?? [])
    } catch {
      this.#withoutWebGL()
      return
    }
    if (this.#loaded !== volume) return
    if (this.#layout !== 'solid') this.#view.setLayout(this.#layout)
    this.showAll(this.page.state)
    this.#arrange()
  }

  #withoutWebGL() {
    this.#view = null
    this.#webgl = false
    for (const each of ['planes', 'scan']) Object.assign(part(`layout-${each}`), { disabled: true, title: WITHOUT })
    this.#setLayout('solid')
  }

  /** @param {State} state */
  showAll(state) {
    this.showWindow(state)
    this.#view?.setRadiological(state.radiological)
    this.#view?.setStructures(state.project?.structures ?? [])
    this.#solid.setStructures(state.project?.structures ?? [])
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
      if (scan === null) return
      const sampling = samplingOf(scan.shape)
      const told = this.page.work?.sheets.known().filter((sheet) => !isOpen(sheet)) ?? []
      const labels = smallLabels(sampling, this.page.answers.whole, told)
      this.#view?.showLabels(labels)
      const spacing = /** @type {[number, number, number]} */ (scan.spacing.map((mm, axis) => mm * sampling.steps[axis]))
      this.#solid.setLabels(labels, sampling.shape, spacing)
      this.#say()
    }, QUIET)
  }
}
