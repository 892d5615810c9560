// How far the project is: the learning curve, time spent, and the state of training.

import { element, part, show, svg } from './dom.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/commands.js').Commands} Commands */
/** @typedef {import('../api/client.js').Progress} Progress */

const SHOWN = 5 // versions, the newest first

/** @param {State} state @param {Commands} commands */
export function showProgress({ project, training, models, me }, commands) {
  if (project === null) return
  const { progress } = project
  const slices = progress.annotated_slices
  show(
    part('progress'),
    element('h2', {}, 'Project'),
    curve(progress),
    element(
      'dl',
      { class: 'figures' },
      figure('Slices drawn or accepted', String(slices)),
      figure('Time spent', spent(progress.seconds)),
      slices > 0 && figure('Time a slice', spent(progress.seconds / slices)),
      progress.predicted_dice !== null && figure('Expected Dice of all scans', progress.predicted_dice.toFixed(2))
    ),
    element('h2', { class: 'second' }, 'Training'),
    training === null ? idle(slices, commands) : underWay(training, commands),
    versions(models, me?.role === 'admin', commands)
  )
}

/** @param {number} slices @param {Commands} commands */
function idle(slices, commands) {
  return [
    slices === 0 && element('p', { class: 'empty' }, 'A model of your own needs drawn slices, best of two scans or more.'),
    element('button', { id: 'train', disabled: slices === 0, onclick: commands.train }, 'Train on what is drawn')
  ]
}

/** @param {import('../api/client.js').Job} training @param {Commands} commands */
function underWay({ state, text, progress }, commands) {
  const said = state === 'queued' ? 'Waits for its turn' : text || 'Training'
  return element(
    'div',
    { class: 'card' },
    element('p', { class: 'muted', id: 'training-said', role: 'status' }, `${said[0].toUpperCase()}${said.slice(1)}`),
    element('progress', { max: 1, value: progress, 'aria-label': 'Training' }),
    element('button', { id: 'cancel-training', onclick: commands.cancelTraining }, 'Cancel training')
  )
}

/** @param {string} name @param {string} value */
const figure = (name, value) => [element('dt', {}, name), element('dd', {}, value)]

/** @param {number} seconds */
export function spent(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`
}

/** @param {Progress} progress */
function curve({ curve: points }) {
  const known = points.filter(({ dice }) => dice !== null)
  if (known.length === 0) {
    return element('p', { class: 'empty' }, 'The learning curve starts with the first trained model.')
  }
  const most = Math.max(...known.map(({ slices }) => slices), 1)
  const places = known.map(({ slices, dice }) => ({ x: 28 + (230 * slices) / most, y: 78 - 68 * (dice ?? 0) }))
  const last = known[known.length - 1]
  const chart = svg('svg', { class: 'chart', viewBox: '0 0 270 96', role: 'img', 'aria-label': `Learning curve: Dice ${last.dice?.toFixed(2)} with ${last.slices} slices` })
  chart.append(
    svg('line', { class: 'axis', x1: 28, y1: 78, x2: 266, y2: 78 }),
    svg('line', { class: 'axis', x1: 28, y1: 10, x2: 28, y2: 78 }),
    svg('text', { x: 4, y: 14 }, '1.0'),
    svg('text', { x: 4, y: 82 }, '0.0'),
    svg('text', { x: 28, y: 93 }, 'Dice on slices left out, by slices drawn'),
    svg('polyline', { class: 'curve', points: places.map(({ x, y }) => `${x},${y}`).join(' ') }),
    ...places.map(({ x, y }) => svg('circle', { class: 'dot', cx: x, cy: y, r: 3 }))
  )
  return chart
}

/**
 * What came of the last training, and the versions that can be put in its place.
 * @param {import('../api/client.js').Model[]} models
 * @param {boolean} mayChoose
 * @param {Commands} commands
 */
function versions(models, mayChoose, commands) {
  const newest = models.at(-1)
  if (newest === undefined) return null
  return [
    element('p', { id: 'verdict', class: 'muted verdict' }, `Version ${newest.version}: ${newest.verdict}`),
    element(
      'ul',
      { class: 'versions' },
      models.toReversed().slice(0, SHOWN).map(({ version, promoted, score, slices, verdict }) =>
        element(
          'li',
          { class: 'row' },
          element('p', { class: 'name', title: verdict }, `Version ${version}`, element('span', { class: 'muted' }, ` ${score === null ? '' : `Dice ${score.toFixed(2)} · `}${slices} slices`)),
          promoted
            ? element('span', { class: 'pill good' }, 'in use')
            : mayChoose && element('button', { id: `activate-${version}`, 'aria-label': `Use version ${version}`, onclick: () => commands.activate(version) }, 'Use')
        )
      )
    )
  ]
}
