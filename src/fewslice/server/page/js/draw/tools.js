// What the tools do between pen down and pen up, all in voxels. A tool knows neither screen nor server.

import { sweep } from './brush.js'
import { areaAround } from './flood.js'
import { BACKGROUND } from './grid.js'
import { fillOutlines } from './polygon.js'

/** @typedef {import('./grid.js').Grid} Grid */
/** @typedef {import('./grid.js').Point} Point */
/** @typedef {import('./grid.js').Box} Box */
/** @typedef {import('./stroke.js').Stroke} Stroke */
/** @typedef {'brush' | 'eraser' | 'contour' | 'polygon' | 'fill' | 'measure' | 'pan'} ToolName */
/**
 * @typedef {object} Board what a tool draws on
 * @property {Grid} grid
 * @property {Uint8Array} labels
 * @property {number} value the label in hand
 * @property {{a: number, b: number}} radius of the brush, in voxels
 * @property {boolean} cutting outlines cut the label in hand out instead of adding it
 * @property {(value: number, only?: number) => Stroke | null} begin null where nothing may be drawn now
 * @property {(box: Box | null) => void} show
 * @property {(stroke: Stroke, tool: ToolName) => void} commit
 * @property {(one: Point, other: Point) => boolean} near whether two points look like one on the screen
 * @property {(sentence: string) => void} say
 */
/**
 * @typedef {object} Tool
 * @property {Point[]} points an outline that is not closed yet
 * @property {boolean} busy whether the pen is down or an outline open
 * @property {(board: Board, point: Point) => void} down
 * @property {(board: Board, point: Point) => void} move
 * @property {(board: Board, point: Point) => void} up
 * @property {(board: Board) => void} cancel
 */

/**
 * Brush and eraser.
 * @param {'brush' | 'eraser'} name
 * @returns {Tool}
 */
export function brushTool(name) {
  /** @type {Stroke | null} */
  let stroke = null
  /** @type {Point} */
  let last = { a: 0, b: 0 }
  return {
    points: [],
    get busy() {
      return stroke !== null
    },
    down(board, point) {
      stroke = board.begin(name === 'eraser' ? BACKGROUND : board.value)
      last = point
      if (stroke !== null) board.show(stroke.add(sweep(board.grid, point, point, board.radius)))
    },
    move(board, point) {
      if (stroke === null) return
      board.show(stroke.add(sweep(board.grid, last, point, board.radius)))
      last = point
    },
    up(board) {
      const ended = stroke
      stroke = null
      if (ended !== null) board.commit(ended, name)
    },
    cancel(board) {
      const box = stroke?.box ?? null
      stroke?.cancel()
      stroke = null
      board.show(box)
    }
  }
}

/**
 * Closes an outline and gives its inside a label.
 * @param {Board} board
 * @param {Point[]} points
 * @param {'contour' | 'polygon'} name
 */
function close(board, points, name) {
  const mask = fillOutlines(board.grid, [points])
  if (!mask.inside.includes(1)) {
    if (points.length > 2) board.say('The outline holds no voxel: draw it larger, or zoom in.')
    return
  }
  const stroke = board.cutting ? board.begin(BACKGROUND, board.value) : board.begin(board.value)
  if (stroke === null) return
  board.show(stroke.add(mask))
  board.commit(stroke, name)
}

/** @returns {Tool} */
export function contourTool() {
  /** @type {Tool} */
  const tool = {
    points: [],
    get busy() {
      return tool.points.length > 0
    },
    down(_, point) {
      tool.points = [point]
    },
    move(_, point) {
      if (tool.points.length > 0) tool.points.push(point)
    },
    up(board) {
      const points = tool.points
      tool.points = []
      close(board, points, 'contour')
    },
    cancel() {
      tool.points = []
    }
  }
  return tool
}

/** @returns {Tool & {finish: (board: Board) => void, back: () => void}} */
export function polygonTool() {
  /** @type {Tool & {finish: (board: Board) => void, back: () => void}} */
  const tool = {
    points: [],
    get busy() {
      return tool.points.length > 0
    },
    down(board, point) {
      if (tool.points.length > 2 && board.near(tool.points[0], point)) tool.finish(board)
      else tool.points = [...tool.points, point]
    },
    move() {},
    up() {},
    finish(board) {
      const points = tool.points
      tool.points = []
      close(board, points, 'polygon')
    },
    back() {
      tool.points = tool.points.slice(0, -1)
    },
    cancel() {
      tool.points = []
    }
  }
  return tool
}

/** @returns {Tool} */
export function fillTool() {
  return {
    points: [],
    busy: false,
    down(board, point) {
      const { n1, n2 } = board.grid
      const a = Math.round(point.a)
      const b = Math.round(point.b)
      if (a < 0 || b < 0 || a >= n1 || b >= n2) return
      const area = areaAround(board.labels, board.grid, { a, b })
      if (area.open && board.labels[a * n2 + b] === BACKGROUND) {
        board.say('This area is open to the border of the slice: close its outline first, then fill it.')
        return
      }
      const stroke = board.begin(board.cutting ? BACKGROUND : board.value)
      if (stroke === null) return
      board.show(stroke.add(area))
      board.commit(stroke, 'fill')
    },
    move() {},
    up() {},
    cancel() {}
  }
}
