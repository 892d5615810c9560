// The engine's answer to the open scan: the whole volume, or the slices of it that are there already.

/** @typedef {{shape: number[], data: Uint8Array}} Volume3D in C order: x, y, z with z running fastest */

export class Answers {
  /** @type {Volume3D | null} */
  #whole = null
  /** @type {Volume3D | null} */
  #uncertainty = null
  /** @type {Map<string, Uint8Array>} slices that came ahead of the whole */
  #previews = new Map()

  /** @param {Volume3D | null} whole */
  setWhole(whole) {
    this.#whole = whole
    this.#previews.clear()
  }

  /** @param {Volume3D | null} uncertainty */
  setUncertainty(uncertainty) {
    this.#uncertainty = uncertainty
  }

  /**
   * @param {number} axis
   * @param {number} index
   * @param {Uint8Array} labels
   */
  preview(axis, index, labels) {
    this.#previews.set(`${axis}/${index}`, labels)
  }

  get whole() {
    return this.#whole
  }

  get hasUncertainty() {
    return this.#uncertainty !== null
  }

  /**
   * The engine's labels of a slice; null where there are none yet.
   * @param {number} axis
   * @param {number} index
   */
  slice(axis, index) {
    return this.#previews.get(`${axis}/${index}`) ?? (this.#whole && sliceOf(this.#whole, axis, index))
  }

  /**
   * @param {number} axis
   * @param {number} index
   */
  heat(axis, index) {
    return this.#uncertainty && sliceOf(this.#uncertainty, axis, index)
  }
}

/**
 * A slice of a volume in C order: the remaining axes in their order.
 * @param {Volume3D} volume
 * @param {number} axis
 * @param {number} index
 */
export function sliceOf({ shape, data }, axis, index) {
  const [, n1, n2] = shape
  if (axis === 0) return data.slice(index * n1 * n2, (index + 1) * n1 * n2)
  if (axis === 1) {
    const slice = new Uint8Array(shape[0] * n2)
    for (let x = 0; x < shape[0]; x++) slice.set(data.subarray((x * n1 + index) * n2, (x * n1 + index + 1) * n2), x * n2)
    return slice
  }
  return Uint8Array.from({ length: shape[0] * n1 }, (_, place) => data[place * n2 + index])
}
