// How large a brush is: in millimetres, in steps that suit the scan. A retina's voxels are a thousandth of a torso's.

/** @typedef {[number, number, number]} Triple */

const FACTOR = 1.14
export const STEPS = 40 // from half a voxel to a hundred of them
const PART = 0.03 // of a slice's side, for the first brush
const FEWEST = 2.5 // voxels that its radius has

/** Half of the smallest voxel side in mm, where the scale of sizes starts. @param {Triple} spacing */
const finest = (spacing) => Math.min(...spacing) / 2

/** @param {number} step 0 to STEPS @param {Triple} spacing of the scan in mm @returns {number} mm */
export const radiusAt = (step, spacing) => finest(spacing) * FACTOR ** Math.min(STEPS, Math.max(0, step))

/** @param {number} radius mm @param {Triple} spacing */
export const stepOf = (radius, spacing) => Math.round(Math.log(radius / finest(spacing)) / Math.log(FACTOR))

/**
 * A radius to start with: small beside the slice, several voxels nevertheless.
 * @param {{shape: Triple, spacing: Triple, plane: number}} scan plane: the axis across the slices
 */
export function firstRadius({ shape, spacing, plane }) {
  const [one, other] = [0, 1, 2].filter((axis) => axis !== plane)
  const side = Math.sqrt(shape[one] * spacing[one] * shape[other] * spacing[other])
  const radius = Math.max(PART * side, FEWEST * Math.max(spacing[one], spacing[other]))
  return radiusAt(stepOf(radius, spacing), spacing)
}
