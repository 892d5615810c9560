// Below the slice: what it is to the project, and what can be said of it as a whole.

import { holdsLabels } from '../app/sheets.js'
import { element, icon, key, part, show } from './dom.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/page.js').Page} Page */
/** @typedef {import('../app/commands.js').Commands} Commands */
/** @typedef {import('../draw/log.js').Kind} Kind */

/** @type {Record<Kind | 'engine', string>} */
export const KINDS = {
  human: 'Drawn',
  accepted: 'Accepted',
  corrected: 'Corrected',
  absent: 'Nothing here',
  present: 'Something here, not drawn yet',
  engine: "The engine's answer",
  none: 'Not looked at'
}

/** @param {State} state @param {Page} page @param {Commands} commands */
export function showSliceBar(state, page, commands) {
  const { sheet } = page
  if (sheet === null) return show(part('slice-bar'))
  const answer = page.answers.slice(sheet.axis, sheet.index)
  const kind = sheet.kind === 'none' && answer !== null ? 'engine' : sheet.kind
  const by = sheet.person === null || sheet.kind === 'none' || !state.project?.accounts ? '' : ` by ${sheet.person}`
  if (state.compared !== null) {
    const [first, second] = state.compared.names
    const said = `Filled: what ${first} drew. Hatched: what ${second} drew.`
    return show(part('slice-bar'), element('p', { class: 'slice-state', id: 'slice-state' }, said), element('button', { id: 'end-compare', onclick: () => page.store.set({ compared: null }) }, 'Show my own'))
  }
  const crossed = (kind === 'none' || holdsLabels(sheet)) && page.besides !== null ? '. Hatched: drawn in other planes' : ''
  show(
    part('slice-bar'),
    element('p', { class: 'slice-state', id: 'slice-state' }, state.correcting ? 'Being corrected, not saved yet' : KINDS[kind] + crossed, element('span', { class: 'by' }, by)),
    element('button', { id: 'accept-slice', disabled: answer === null || sheet.kind === 'human', onclick: commands.acceptSlice }, icon('check'), 'Accept slice', key('A')),
    element('button', { id: 'correct-slice', disabled: answer === null, 'aria-pressed': String(state.correcting), onclick: commands.correctSlice }, 'Correct', key('R')),
    element('button', { id: 'absent', title: 'I looked: none of the structures is on this slice', onclick: commands.absent }, 'Nothing here', key('K')),
    element('button', { id: 'erase', title: 'Takes back everything that was said of this slice', disabled: sheet.kind === 'none', onclick: commands.erase }, 'Not looked at', key('I'))
  )
}
