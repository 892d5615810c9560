// The top bar: where one is, whether all is saved, and the two keys of the loop.

import { element, icon, key, part, show } from './dom.js'
import { STATUS } from './scans.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/commands.js').Commands} Commands */

/** @param {State} state */
export function showWhere({ project, scan }) {
  show(
    part('where'),
    element('span', { class: 'wide-only' }, project?.name ?? ''),
    scan && element('strong', { title: scan.name }, scan.name),
    scan && element('span', { class: `pill ${scan.status === 'accepted' ? 'good' : ''}` }, STATUS[scan.status])
  )
}

/** @param {State} state */
export function showSaved({ sync, scan }) {
  const place = part('saved')
  place.dataset.state = sync.state
  const strokes = sync.waiting === 1 ? '1 change' : `${sync.waiting} changes`
  const sentences = {
    saved: scan === null ? '' : 'All saved',
    saving: 'Saving …',
    offline: sync.waiting > 0 ? `No connection: ${strokes} kept in this browser` : 'No connection to the server'
  }
  show(place, sentences[sync.state])
}

/** @param {State} state @param {Commands} commands */
export function showBarTools({ scan, job }, commands) {
  const off = scan === null
  show(
    part('bar-tools'),
    element('button', { id: 'undo', class: 'bare square', 'aria-label': 'Undo', title: 'Undo (Ctrl+Z)', disabled: off, onclick: commands.undo }, icon('undo')),
    element('button', { id: 'redo', class: 'bare square', 'aria-label': 'Redo', title: 'Redo (Ctrl+Y)', disabled: off, onclick: commands.redo }, icon('redo')),
    job === null
      ? element('button', { id: 'segment', class: 'primary', disabled: off, onclick: commands.segment }, 'Segment', key('S'))
      : element('button', { id: 'segment', onclick: commands.cancel }, `Cancel, ${Math.round(100 * job.progress)} %`),
    element('button', { id: 'go-next', disabled: off, onclick: commands.next }, 'Next', key('G')),
    element('button', { id: 'help-button', class: 'bare square', 'aria-label': 'Keyboard shortcuts', title: 'Keyboard shortcuts (?)', onclick: commands.help }, icon('help'))
  )
}
