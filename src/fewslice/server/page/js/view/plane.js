// How a slice stands on the screen: which way its axes run, and which letters stand at its edges.

/** @typedef {import('../draw/grid.js').Grid} Grid */
/**
 * @typedef {object} Plane
 * @property {number} axis across the slices
 * @property {string} name
 * @property {Grid} grid
 * @property {[number, number]} spacing mm along the slice's first and second axis
 * @property {1 | -1} right where the first axis runs: 1 to the right
 * @property {1 | -1} down where the second axis runs: -1 upwards
 * @property {{left: string, right: string, top: string, bottom: string}} letters
 * @property {number} slices
 */

export const PLANES = ['sagittal', 'coronal', 'axial']
const ENDS = [['L', 'R'], ['P', 'A'], ['I', 'S']]

/**
 * @param {[number, number, number]} shape of the scan in RAS order
 * @param {[number, number, number]} spacing
 * @param {number} axis
 * @param {boolean} radiological the patient's right on the left, as radiologists look at scans
 * @returns {Plane}
 */
export function planeAcross(shape, spacing, axis, radiological) {
  const [first, second] = [0, 1, 2].filter((each) => each !== axis)
  // Noses look to the left in sagittal slices, whichever side the patient's right is on.
  const mirrored = axis === 0 || radiological
  const [low, high] = ENDS[first]
  const [bottom, top] = ENDS[second]
  return {
    axis,
    name: PLANES[axis],
    grid: { n1: shape[first], n2: shape[second] },
    spacing: [spacing[first], spacing[second]],
    right: mirrored ? -1 : 1,
    down: -1,
    letters: { left: mirrored ? high : low, right: mirrored ? low : high, top, bottom },
    slices: shape[axis]
  }
}
