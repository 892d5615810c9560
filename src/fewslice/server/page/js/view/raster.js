// From voxels to the pixels of a canvas. Canvases of voxels have one pixel a voxel, the first axis along a row:
// voxel (a, b) is pixel (x = a, y = b); mirroring is left to the viewport.

import { sliceSteps } from './nifti.js'

/** @typedef {import('./nifti.js').Volume} Volume */
/** @typedef {import('../draw/grid.js').Grid} Grid */
/** @typedef {import('../draw/grid.js').Box} Box */
/** @typedef {{low: number, high: number}} Window */

const OPAQUE = 0xff000000
const SAMPLED = 200_000 // voxels that a window is taken from
const DARKEST = 0.01 // of the voxels that are black, and as many white

/**
 * The window of a channel of which the server says none: the 1st to the 99th percentile, as it does for the first.
 * @param {Volume} volume
 * @returns {Window}
 */
export function automaticWindow({ voxels, slope, intercept }) {
  const step = Math.max(1, Math.floor(voxels.length / SAMPLED))
  const sampled = Float32Array.from({ length: Math.ceil(voxels.length / step) }, (_, place) => voxels[place * step] * slope + intercept)
  const sorted = sampled.filter(Number.isFinite).sort()
  if (sorted.length === 0) return { low: 0, high: 1 }
  const at = (/** @type {number} */ part) => sorted[Math.round(part * (sorted.length - 1))]
  const [low, high] = [at(DARKEST), at(1 - DARKEST)]
  return high > low ? { low, high } : { low: low - 1, high: low + 1 }
}

/**
 * Grey values of a slice under an intensity window; low and darker are black, high and brighter white.
 * @param {Volume} volume
 * @param {number} axis
 * @param {number} index
 * @param {Window} window in the scan's intensities
 * @param {Uint32Array} pixels n1 x n2, written
 */
export function paintGrey(volume, axis, index, window, pixels) {
  const { voxels, slope, intercept } = volume
  const { start, first, second, n1, n2 } = sliceSteps(volume, axis, index)
  const width = Math.max(window.high - window.low, 1e-6)
  const factor = (255 * slope) / width
  const offset = (255 * (intercept - window.low)) / width
  let pixel = 0
  for (let b = 0; b < n2; b++) {
    let place = start + b * second
    for (let a = 0; a < n1; a++, place += first) {
      const value = voxels[place] * factor + offset
      // NaN is neither: it is shown as black.
      const grey = value >= 255 ? 255 : value > 0 ? Math.round(value) : 0
      pixels[pixel++] = OPAQUE | (grey << 16) | (grey << 8) | grey
    }
  }
}

/**
 * Colours of labels in a box of a slice.
 * @param {Uint8Array} labels
 * @param {Grid} grid
 * @param {Box} box
 * @param {Uint32Array} colours 256, as pixels
 * @param {Uint32Array} pixels of the box, written
 */
export function paintLabels(labels, grid, box, colours, pixels) {
  let pixel = 0
  for (let b = box.b0; b < box.b1; b++) {
    for (let a = box.a0; a < box.a1; a++) pixels[pixel++] = colours[labels[a * grid.n2 + b]]
  }
}

/** @typedef {[number, number, number]} Colour red, green and blue, 0 to 255 */

/**
 * @param {string} hex as in #6cc7f5
 * @returns {Colour}
 */
export function colourOf(hex) {
  const number = /^#[0-9a-f]{6}$/i.test(hex) ? parseInt(hex.slice(1), 16) : 0xffffff
  return [number >> 16, (number >> 8) & 255, number & 255]
}

/**
 * @param {Colour} colour
 * @param {number} opacity 0 to 1
 */
export function pixelOf([red, green, blue], opacity) {
  return ((Math.round(255 * opacity) << 24) | (blue << 16) | (green << 8) | red) >>> 0
}

/**
 * Colours of a heat map: nothing where all is sure, then from dark violet over orange to light yellow. Its
 * lightness rises all the way, so that it reads the same without colours.
 */
export function heatColours() {
  const stops = [
    { at: 0, colour: [60, 15, 112], opacity: 0 },
    { at: 0.25, colour: [130, 37, 129], opacity: 0.45 },
    { at: 0.5, colour: [205, 64, 92], opacity: 0.6 },
    { at: 0.75, colour: [251, 155, 60], opacity: 0.7 },
    { at: 1, colour: [252, 253, 191], opacity: 0.8 }
  ]
  return Uint32Array.from({ length: 256 }, (_, level) => {
    const value = level / 255
    const upper = Math.max(1, stops.findIndex(({ at }) => at >= value))
    const [from, to] = [stops[upper - 1], stops[upper]]
    const part = (value - from.at) / (to.at - from.at)
    const mixed = from.colour.map((channel, each) => Math.round(channel + part * (to.colour[each] - channel)))
    return pixelOf([mixed[0], mixed[1], mixed[2]], from.opacity + part * (to.opacity - from.opacity))
  })
}
