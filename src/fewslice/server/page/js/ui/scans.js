// The list of scans, and what to do where there is none.

import { element, icon, part, show } from './dom.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/page.js').Page} Page */
/** @typedef {import('../api/client.js').Scan} Scan */

/** @type {Record<import('../api/client.js').Status, string>} */
export const STATUS = {
  new: 'new',
  in_progress: 'in progress',
  submitted: 'to review',
  returned: 'returned',
  accepted: 'accepted'
}

/** @param {number | null} dice */
export const inDice = (dice) => (dice === null ? '' : dice.toFixed(2))

/** @param {State} state @param {Page} page */
export function showScans(state, page) {
  const { scans, scan, project } = state
  if (project === null) return
  if (scans.length === 0) {
    show(
      part('scans'),
      element('h2', {}, 'Scans'),
      element('p', { class: 'empty' }, 'No scans yet. Add some where the server runs, then reload:', element('code', {}, 'fewslice project add DIR SCAN …'))
    )
    return
  }
  const accepted = scans.filter(({ status }) => status === 'accepted').length
  show(
    part('scans'),
    element('h2', {}, 'Scans', element('span', {}, `${accepted} of ${scans.length} accepted`)),
    element('ul', { class: 'rows' }, scans.map((each) => row(each, each.id === scan?.id, page)))
  )
}

/** @param {Scan} scan @param {boolean} current @param {Page} page */
function row(scan, current, page) {
  const holder = scan.lease !== null && !scan.lease.mine ? `${scan.lease.person} has it open` : ''
  const slices = scan.annotated_slices === 1 ? '1 slice' : `${scan.annotated_slices} slices`
  const dice = scan.predicted_dice === null ? '' : `Dice ${inDice(scan.predicted_dice)}`
  return element(
    'li',
    { class: `row scan ${current ? 'current' : ''}` },
    element(
      'button',
      { class: 'bare', id: `scan-${scan.id}`, 'aria-current': current ? 'true' : null, onclick: () => void page.openScan(scan.id) },
      element('span', { class: 'name', title: scan.name }, scan.name),
      scan.status === 'accepted' && icon('check'),
      element('span', { class: 'detail' }, [STATUS[scan.status], slices, dice, holder].filter(Boolean).join(' · '))
    )
  )
}
