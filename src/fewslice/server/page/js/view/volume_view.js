// The one file that knows NiiVue: three planes and 3D beside the slice in hand. It shows; nothing is drawn in it.

import { MULTIPLANAR_TYPE, Niivue, NVImage, SLICE_TYPE } from '../../vendor/niivue.js'
import { NOT_LOOKED_AT } from '../draw/grid.js'
import { samplingOf, smallNifti } from './overview.js'
import { colourOf } from './raster.js'

/** @typedef {import('./nifti.js').Volume} Volume */
/** @typedef {import('../api/client.js').Structure} Structure */
/** @typedef {'planes' | 'scan'} Layout */

export class VolumeView {
  /** @type {Promise<unknown>} */
  #ready
  /** Which voxels are shown. */
  sampling = samplingOf([1, 1, 1])
  /** What is set already: setting a window or colours makes NiiVue upload the whole volume again. */
  #set = { window: '', structures: '' }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(voxel: [number, number, number]) => void} onPoint a person pointed at a voxel
   */
  constructor(canvas, onPoint) {
    this.niivue = new Niivue({
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.42, 0.78, 0.96, 0.9],
      crosshairWidth: 1,
      isColorbar: false,
      isOrientationTextVisible: false,
      isRadiologicalConvention: true,
      sagittalNoseLeft: true,
      multiplanarForceRender: false,
      multiplanarShowRender: 0, // never beside planes: without a GPU a ray-cast scan takes seconds a frame
      multiplanarPadPixels: 2,
      show3Dcrosshair: true,
      dragAndDropEnabled: false,
      logLevel: 'error'
    })
    this.#ready = this.niivue.attachToCanvas(canvas)
    let pointing = false
    canvas.addEventListener('pointerdown', () => (pointing = true))
    this.niivue.onMouseUp = () => (pointing = false)
    this.niivue.onLocationChange = (location) => {
      const { vox } = /** @type {{vox: number[]}} */ (location)
      const { steps } = this.sampling
      if (pointing) onPoint([vox[0] * steps[0], vox[1] * steps[1], vox[2] * steps[2]])
    }
  }

  /**
   * @param {Volume} volume
   * @param {string} name
   * @param {{low: number, high: number}} window
   * @param {Structure[]} structures
   */
  async load(volume, name, window, structures) {
    await this.#ready
    while (this.niivue.volumes.length > 0) this.niivue.removeVolumeByIndex(0)
    this.sampling = samplingOf(volume.shape)
    const file = new File([smallNifti(volume, this.sampling)], `${name}.nii`)
    const image = await NVImage.loadFromFile({ file, name: file.name, cal_min: window.low, cal_max: window.high })
    this.#set.window = JSON.stringify(window)
    this.setStructures(structures)
    this.niivue.addVolume(image)
    this.niivue.createEmptyDrawing() // also makes the texture that labels are written to
  }

  /** @param {{low: number, high: number}} window */
  setWindow({ low, high }) {
    const [image] = this.niivue.volumes
    const said = JSON.stringify({ low, high })
    if (image === undefined || said === this.#set.window) return
    this.#set.window = said
    image.cal_min = low
    image.cal_max = high
    this.niivue.updateGLVolume()
  }

  /** @param {boolean} radiological */
  setRadiological(radiological) {
    if (this.niivue.opts.isRadiologicalConvention === radiological) return
    this.niivue.setRadiologicalConvention(radiological)
  }

  /** @param {Layout} layout */
  setLayout(layout) {
    if (layout === 'scan') this.niivue.setSliceType(SLICE_TYPE.RENDER)
    else {
      this.niivue.setMultiplanarLayout(MULTIPLANAR_TYPE.GRID)
      this.niivue.setSliceType(SLICE_TYPE.MULTIPLANAR)
    }
  }

  /**
   * Where the planes leave room, right of and below them all.
   * @returns {[number, number] | undefined} left and top in CSS pixels; undefined where they stand otherwise
   */
  freeCorner() {
    const ratio = this.niivue.uiData.dpr || 1
    const tiles = /** @type {{leftTopWidthHeight: number[]}[]} */ (this.niivue.screenSlices).map(({ leftTopWidthHeight }) => leftTopWidthHeight)
    const second = (/** @type {0 | 1} */ side) => Math.max(...tiles.map((tile) => tile[side]))
    const free = tiles.every(([left, top]) => left < second(0) || top < second(1))
    return tiles.length === 3 && free ? [second(0) / ratio, second(1) / ratio] : undefined
  }

  /** @param {Structure[]} structures */
  setStructures(structures) {
    const said = JSON.stringify(structures.map(({ value, colour }) => [value, colour]))
    if (said === this.#set.structures) return
    this.#set.structures = said
    const colours = { R: [0], G: [0], B: [0], A: [0], I: [0], labels: ['nothing'] }
    for (let value = 1; value < 256; value++) {
      const found = structures.find((each) => each.value === value)
      const [red, green, blue] = colourOf(found?.colour ?? '#ffffff')
      colours.R.push(red)
      colours.G.push(green)
      colours.B.push(blue)
      colours.A.push(found === undefined || value === NOT_LOOKED_AT ? 0 : 255)
      colours.I.push(value)
      colours.labels.push(found?.name ?? '')
    }
    this.niivue.setDrawColormap(/** @type {any} */ (colours))
  }

  /**
   * Shows labels over the image.
   * @param {Uint8Array} labels of the voxels that are shown, x running fastest
   */
  showLabels(labels) {
    if (labels.length !== this.niivue.drawBitmap?.length) return
    this.niivue.drawBitmap = labels
    this.niivue.setDrawOpacity(0.6)
    this.niivue.refreshDrawing(true)
  }

  /** @param {[number, number, number]} voxel the crosshair's */
  point(voxel) {
    if (this.niivue.volumes.length === 0) return
    const [x, y, z] = voxel.map((place, axis) => Math.floor(place / this.sampling.steps[axis]))
    this.niivue.scene.crosshairPos = this.niivue.vox2frac([x, y, z])
    this.niivue.drawScene()
  }
}
