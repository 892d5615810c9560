// The palette: which structure the pen draws, locks, and how to add one.

import { BACKGROUND, NOT_LOOKED_AT } from '../draw/grid.js'
import { element, icon, key, part, show } from './dom.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/page.js').Page} Page */
/** @typedef {import('../api/client.js').Structure} Structure */

/** @param {State} state @param {Page} page */
export function showStructures({ project, value }, page) {
  if (project === null) return
  const { structures } = project
  show(
    part('structures'),
    element('h2', {}, 'Structures'),
    structures.length === 0 && element('p', { class: 'empty' }, 'Name the first structure that you want to outline.'),
    element(
      'ul',
      { class: 'rows' },
      structures.map((each, place) => row(each, place, each.value === value, page)),
      structures.length > 0 && special(BACKGROUND, 'Background', 'nothing', '0', value, page),
      structures.length > 0 && special(NOT_LOOKED_AT, 'Not looked at', 'unknown', '', value, page)
    ),
    form(page)
  )
}

/** @param {Structure} structure @param {number} place @param {boolean} current @param {Page} page */
function row(structure, place, current, page) {
  const { value, name, colour, locked } = structure
  const swatch = element('span', { class: 'swatch' })
  swatch.style.background = colour
  const turn = () => void page.changeStructure({ ...structure, locked: !locked })
  return element(
    'li',
    { class: `row ${current ? 'current' : ''}` },
    element(
      'button',
      { class: 'bare', id: `structure-${value}`, 'aria-pressed': String(current), onclick: () => page.choose(value) },
      swatch,
      element('span', { class: 'name', title: name }, name),
      place < 9 && key(String(place + 1))
    ),
    element(
      'button',
      { class: 'bare square', id: `lock-${value}`, 'aria-pressed': String(locked), 'aria-label': `Lock ${name}`, title: locked ? 'Locked: nothing paints over it' : 'Lock: let nothing paint over it', onclick: turn },
      icon(locked ? 'lock' : 'unlock')
    )
  )
}

/** @param {number} value @param {string} name @param {string} look @param {string} shortcut @param {number} chosen @param {Page} page */
function special(value, name, look, shortcut, chosen, page) {
  return element(
    'li',
    { class: `row ${value === chosen ? 'current' : ''}` },
    element(
      'button',
      { class: 'bare', id: `structure-${value}`, 'aria-pressed': String(value === chosen), onclick: () => page.choose(value) },
      element('span', { class: `swatch ${look}` }),
      element('span', { class: 'name' }, name),
      shortcut !== '' && key(shortcut)
    )
  )
}

/** @param {Page} page */
function form(page) {
  const input = element('input', { id: 'new-structure', placeholder: 'Add a structure', 'aria-label': 'Name of a new structure', autocomplete: 'off', maxLength: 200 })
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    const name = input.value.trim()
    if (name === '') return
    input.value = ''
    void page.addStructure(name)
  }
  return element('form', { class: 'row', onsubmit: submit }, input, element('button', { class: 'bare square', 'aria-label': 'Add the structure' }, icon('plus')))
}
