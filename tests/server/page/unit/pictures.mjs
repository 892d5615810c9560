// Slices as text, so that a test shows what it expects: rows run along a, columns along b.

/** @param {string} text one character a voxel: `.` is background, a digit a label, `?` not looked at */
export function slice(text) {
  const rows = text.trim().split(/\s+/)
  const grid = { n1: rows.length, n2: rows[0].length }
  const labels = Uint8Array.from(rows.join(''), (mark) => (mark === '.' ? 0 : mark === '?' ? 255 : Number(mark)))
  return { grid, labels }
}

export function picture(labels, { n1, n2 }) {
  const marks = Array.from(labels, (label) => (label === 0 ? '.' : label === 255 ? '?' : String(label)))
  return Array.from({ length: n1 }, (_, a) => marks.slice(a * n2, (a + 1) * n2).join('')).join(' ')
}

/** A mask on an empty slice, as text. */
export function drawn({ box, inside }, grid) {
  const labels = new Uint8Array(grid.n1 * grid.n2)
  const length = box.b1 - box.b0
  inside.forEach((set, place) => {
    if (set) labels[(box.a0 + Math.floor(place / length)) * grid.n2 + box.b0 + (place % length)] = 1
  })
  return picture(labels, grid)
}

export const words = (text) => text.trim().split(/\s+/).join(' ')
