// All keys, from the table that also acts on them.

import { element, icon, part, show } from './dom.js'

/** @param {boolean} open @param {import('../app/keys.js').Binding[]} bindings @param {() => void} close */
export function showHelp(open, bindings, close) {
  const place = part('help')
  place.hidden = !open
  if (!open) return
  const groups = [...new Set(bindings.map(({ group }) => group))]
  show(
    place,
    element('h2', {}, 'Keyboard', element('button', { class: 'bare square', id: 'close-help', 'aria-label': 'Close', onclick: close }, icon('close'))),
    groups.map((group) => [
      element('h3', {}, group),
      element(
        'dl',
        { class: 'keys' },
        bindings
          .filter((each) => each.group === group)
          .map(({ shown, what }) => [element('dt', {}, shown.map((name) => element('kbd', {}, name))), element('dd', {}, what)])
      )
    ])
  )
  part('close-help').focus()
}
