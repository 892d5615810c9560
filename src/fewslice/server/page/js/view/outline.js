// Outlines of labels along voxel edges, exactly where one label ends.

/** @typedef {import('../draw/grid.js').Grid} Grid */
/** @typedef {number[][]} Loops each a closed line of corners: a, b, a, b, ... in voxel edges (centre minus a half) */

/**
 * The closed outlines of one label, each with the label on its left as a grows to the right and b upwards.
 * @param {Uint8Array} labels
 * @param {Grid} grid
 * @param {number} value
 * @returns {Loops}
 */
export function outlines(labels, grid, value) {
  const { n1, n2 } = grid
  const corners = n2 + 1
  /** @type {Map<number, number[]>} from a corner to the corners that edges lead to */
  const edges = new Map()
  const edge = (/** @type {number} */ from, /** @type {number} */ to) => {
    const known = edges.get(from)
    if (known === undefined) edges.set(from, [to])
    else known.push(to)
  }
  for (let place = labels.indexOf(value); place !== -1; place = labels.indexOf(value, place + 1)) {
    const a = Math.floor(place / n2)
    const b = place % n2
    const corner = a * corners + b
    if (b === 0 || labels[place - 1] !== value) edge(corner, corner + corners)
    if (a === n1 - 1 || labels[place + n2] !== value) edge(corner + corners, corner + corners + 1)
    if (b === n2 - 1 || labels[place + 1] !== value) edge(corner + corners + 1, corner + 1)
    if (a === 0 || labels[place - n2] !== value) edge(corner + 1, corner)
  }
  return [...walk(edges, corners)]
}

/**
 * @param {Map<number, number[]>} edges
 * @param {number} corners a row
 */
function* walk(edges, corners) {
  for (const start of edges.keys()) {
    while ((edges.get(start) ?? []).length > 0) {
      const loop = []
      let corner = start
      do {
        loop.push(Math.floor(corner / corners) - 0.5, (corner % corners) - 0.5)
        const next = edges.get(corner)?.pop()
        if (next === undefined) break
        corner = next
      } while (corner !== start)
      yield loop
    }
  }
}

/**
 * The labels of structures that a slice holds, in rising order.
 * @param {Uint8Array} labels
 */
export function labelsIn(labels) {
  const held = new Uint8Array(256)
  for (const label of labels) held[label] = 1
  return Array.from(held.keys()).filter((label) => label !== 0 && held[label] === 1)
}
