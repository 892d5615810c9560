// How well people agree who annotated the open scan apart from each other, and on which slices they do not.

import { PLANES } from '../view/plane.js'
import { element, part, show } from './dom.js'
import { inDice } from './scans.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/page.js').Page} Page */

/** @param {string} plane */
const titled = (plane) => plane[0].toUpperCase() + plane.slice(1)

const WORST = 3 // slices that are named

/** @param {State} state @param {Page} page */
export function showAgreement({ agreement }, page) {
  show(
    part('agreement'),
    agreement.length > 0 && element('h2', {}, 'Agreement'),
    agreement.map(({ first, second, structures, slices }) =>
      element(
        'div',
        { class: 'card' },
        element('p', {}, `${first} and ${second}`),
        element('p', { class: 'muted' }, 'Dice · surface Dice of what both drew'),
        element(
          'dl',
          { class: 'figures' },
          structures.map(({ name, dice, surface_dice }) => [
            element('dt', {}, name),
            element('dd', {}, dice === null ? 'drawn by neither' : `${inDice(dice)} · ${inDice(surface_dice) || '–'}`)
          ])
        ),
        element('p', { class: 'muted' }, 'They differ most on'),
        slices.slice(0, WORST).map(({ axis, index, dice }) =>
          element('button', { onclick: () => void page.compare([first, second], { axis, index }) }, `${titled(PLANES[axis])} ${index + 1}: Dice ${inDice(dice)}`)
        )
      )
    )
  )
}
