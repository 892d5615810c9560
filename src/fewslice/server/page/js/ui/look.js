// How the slice looks: window, channel, opacity, and what is shown over it.

import { element, key, part, show } from './dom.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/page.js').Page} Page */

/** @param {State} state @param {Page} page */
export function showLook(state, page) {
  const { scan, window: shown, channel, presets } = state
  if (scan === null) return show(part('look'))
  const chosen = presets.findIndex(({ low, high }) => low === shown.low && high === shown.high)
  const choose = (/** @type {Event} */ event) => {
    const preset = presets[Number(/** @type {HTMLSelectElement} */ (event.target).value)]
    if (preset !== undefined) page.store.set({ window: { low: preset.low, high: preset.high } })
  }
  show(
    part('look'),
    element('h2', {}, 'View'),
    element(
      'div',
      { class: 'fields' },
      element(
        'label',
        { class: 'beside' },
        'Window',
        element(
          'select',
          { id: 'window', onchange: choose },
          presets.map(({ name }, place) => element('option', { value: String(place), selected: place === chosen }, name[0].toUpperCase() + name.slice(1))),
          chosen === -1 && element('option', { value: '-1', selected: true }, 'Own')
        )
      ),
      element('div', { class: 'fields two' }, bound('low', 'Black', state, page), bound('high', 'White', state, page)),
      scan.channels > 1 && channels(scan.channels, channel, page),
      opacity(state, page),
      element(
        'div',
        {},
        check('showDrawing', 'Drawing', 'D', state, page),
        check('showAnswer', "Engine's answer", 'O', state, page),
        check('showHeat', 'Uncertainty', 'U', state, page),
        check('smooth', 'Smooth image', '', state, page),
        check('radiological', "Patient's right on the left", '', state, page)
      )
    )
  )
}

/** @param {'low' | 'high'} end @param {string} name @param {State} state @param {Page} page */
function bound(end, name, { window: shown }, page) {
  const change = (/** @type {Event} */ event) => {
    const value = Number(/** @type {HTMLInputElement} */ (event.target).value)
    const next = { ...page.state.window, [end]: value }
    if (Number.isFinite(value) && next.low < next.high) page.store.set({ window: next })
  }
  const value = String(Math.abs(shown[end]) < 100 ? Number(shown[end].toPrecision(3)) : Math.round(shown[end]))
  return element('label', { class: 'beside' }, name, element('input', { id: `window-${end}`, type: 'number', step: 'any', value, onchange: change }))
}

/** @param {number} count @param {number} chosen @param {Page} page */
function channels(count, chosen, page) {
  const choose = (/** @type {Event} */ event) => void page.showChannel(Number(/** @type {HTMLSelectElement} */ (event.target).value))
  const options = Array.from({ length: count }, (_, each) => element('option', { value: String(each), selected: each === chosen }, `Channel ${each + 1}`))
  return element('label', { class: 'beside' }, 'Channel', element('select', { id: 'channel', onchange: choose }, options))
}

/** @param {State} state @param {Page} page */
function opacity(state, page) {
  const change = (/** @type {Event} */ event) => page.store.set({ opacity: Number(/** @type {HTMLInputElement} */ (event.target).value) / 100 })
  const input = element('input', { id: 'opacity', type: 'range', min: '0', max: '100', step: '5', value: String(Math.round(100 * state.opacity)), oninput: change })
  return element('label', { class: 'beside' }, 'Opacity', input)
}

/** @param {'showDrawing' | 'showAnswer' | 'showHeat' | 'smooth' | 'radiological'} what @param {string} name @param {string} shortcut @param {State} state @param {Page} page */
function check(what, name, shortcut, state, page) {
  const change = () => page.store.set({ [what]: !page.state[what] })
  return element('label', { class: 'inline' }, element('input', { id: `look-${what}`, type: 'checkbox', checked: state[what], onchange: change }), name, shortcut !== '' && key(shortcut))
}
