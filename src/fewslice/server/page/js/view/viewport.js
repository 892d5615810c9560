// Between voxels of the slice in hand and pixels of the screen.

/** @typedef {import('./plane.js').Plane} Plane */
/** @typedef {{x: number, y: number}} Pixel CSS pixels from the view's upper left corner */

const SMALLEST = 0.5
const LARGEST = 60

export class Viewport {
  width = 1
  height = 1
  /** 1 shows the whole slice. */
  zoom = 1
  panX = 0
  panY = 0

  /** @param {Plane} plane */
  constructor(plane) {
    this.plane = plane
  }

  /** CSS pixels a millimetre. */
  get scale() {
    const { grid, spacing } = this.plane
    const margin = 24
    const fit = Math.min(
      Math.max(1, this.width - 2 * margin) / (grid.n1 * spacing[0]),
      Math.max(1, this.height - 2 * margin) / (grid.n2 * spacing[1])
    )
    return fit * this.zoom
  }

  /**
   * The linear map from voxels to pixels: x = left + a * alongX, y = top + b * alongY, at voxel centres.
   */
  get map() {
    const { grid, spacing, right, down } = this.plane
    const alongX = right * spacing[0] * this.scale
    const alongY = down * spacing[1] * this.scale
    return {
      alongX,
      alongY,
      left: this.width / 2 + this.panX - (alongX * (grid.n1 - 1)) / 2,
      top: this.height / 2 + this.panY - (alongY * (grid.n2 - 1)) / 2
    }
  }

  /** @param {import('../draw/grid.js').Point} point */
  toPixel({ a, b }) {
    const { left, top, alongX, alongY } = this.map
    return { x: left + a * alongX, y: top + b * alongY }
  }

  /** @param {Pixel} pixel */
  toVoxel({ x, y }) {
    const { left, top, alongX, alongY } = this.map
    return { a: (x - left) / alongX, b: (y - top) / alongY }
  }

  /**
   * Zooms and keeps what is under the pixel where it is.
   * @param {number} factor
   * @param {Pixel} pixel
   */
  zoomAt(factor, pixel) {
    const before = this.toVoxel(pixel)
    this.zoom = Math.min(LARGEST, Math.max(SMALLEST, this.zoom * factor))
    const after = this.toPixel(before)
    this.panX += pixel.x - after.x
    this.panY += pixel.y - after.y
  }

  fit() {
    this.zoom = 1
    this.panX = 0
    this.panY = 0
  }

  /**
   * The length between two voxels in mm.
   * @param {import('../draw/grid.js').Point} from
   * @param {import('../draw/grid.js').Point} to
   */
  millimetres(from, to) {
    const [s1, s2] = this.plane.spacing
    return Math.hypot((to.a - from.a) * s1, (to.b - from.b) * s2)
  }
}
