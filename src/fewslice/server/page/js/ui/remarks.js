// What a person should read of the open scan and its answer although nothing went wrong.

import { element, part, show } from './dom.js'

const NO_SPACING =
  'Neither the scan’s files nor whoever added it say how large its voxels are: lengths are in voxels. Add it again with --spacing if you know.'

/** @param {import('../app/state.js').State} state */
export function showRemarks({ scan, remarks }) {
  const said = scan !== null && !scan.spacing_known ? [NO_SPACING, ...remarks] : remarks
  show(part('remarks'), said.length > 0 && [element('h2', {}, 'Remarks'), said.map((sentence) => element('p', { class: 'muted' }, sentence))])
}
