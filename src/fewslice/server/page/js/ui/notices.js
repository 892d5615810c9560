// One sentence at a time over the slice, with what a person can do about it.

import { element, icon, part, show } from './dom.js'

/** @param {import('../app/state.js').State} state @param {import('../app/page.js').Page} page */
export function showNotice({ notice }, page) {
  const place = part('notices')
  if (notice === null) return show(place)
  const close = () => page.store.set({ notice: null })
  show(
    place,
    element(
      'div',
      { class: `notice ${notice.kind}` },
      element('p', {}, notice.text),
      notice.actions.map(({ label, act }) => element('button', { onclick: act }, label)),
      element('button', { class: 'bare square', 'aria-label': 'Close', onclick: close }, icon('close'))
    )
  )
}
