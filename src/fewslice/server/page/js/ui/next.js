// What to do next, and why: the strategy's slice, its question, or the next scan; and the review of this one.

import { element, icon, key, part, show } from './dom.js'

/** @typedef {import('../app/state.js').State} State */
/** @typedef {import('../app/page.js').Page} Page */
/** @typedef {import('../app/commands.js').Commands} Commands */

/** @param {State} state @param {Page} page @param {Commands} commands */
export function showNext(state, page, commands) {
  const { scan } = state
  if (scan === null) return show(part('next'))
  show(part('next'), element('h2', {}, 'Next'), element('div', { class: 'card' }, card(state, page, commands), element('div', { class: 'review' }, review(state, commands))))
}

/** @param {State} state @param {Page} page @param {Commands} commands */
function card(state, page, commands) {
  const { job, asking, question, suggestion, nextScan, scan, axis, index } = state
  if (job !== null) {
    return [element('p', { class: 'say', role: 'status' }, job.text || 'Segmenting'), element('progress', { max: 1, value: job.progress, 'aria-label': 'Segmentation' })]
  }
  if (asking) return element('p', { class: 'say', role: 'status' }, 'Looking for the slice that helps most\u00a0…')
  if (nextScan !== null) return scanCard(nextScan, commands)
  if (question !== null) return questionCard(state, commands)
  const [slice] = suggestion?.slices ?? []
  if (slice !== undefined) {
    return [
      element('p', { class: 'say' }, `${slice.kind === 'present' ? 'Look at' : 'Draw'} ${slice.plane} slice ${slice.index + 1}`),
      element('p', { class: 'muted' }, tied(slice.reason)),
      suggestion !== null && suggestion.message !== slice.reason && stopping(suggestion),
      (slice.axis !== axis || slice.index !== index) && element('button', { id: 'show-suggestion', onclick: commands.next }, 'Go there', key('G'))
    ]
  }
  if (suggestion !== null) return stopping(suggestion)
  const nothing = (scan?.annotated_slices ?? 0) === 0 && page.answers.whole === null && !page.work?.sheets.known().length
  const helped = nothing && page.helped
  const sentence = helped
    ? 'Press S for a first result: what is drawn on other scans helps. Or outline the structures on one slice.'
    : nothing
      ? 'Outline the structures on one slice, then press S to get the volume.'
      : 'Press S for the volume, then G for the slice that helps most.'
  return element('p', { class: 'empty' }, sentence)
}

/** Whether it is good enough by now, and how good that is. @param {import('../api/client.js').Suggestion} suggestion */
function stopping({ may_stop, message }) {
  return element('p', { id: 'stopping', class: may_stop ? 'stop' : 'muted' }, may_stop && icon('check'), tied(message))
}

/** A number stays with its sign. @param {string} sentence */
const tied = (sentence) => sentence.replaceAll(' %', '\u00a0%')

/** @param {State} state @param {Commands} commands */
function questionCard({ question, project }, commands) {
  if (question === null) return null
  const [first, second] = project?.structures ?? []
  const what = first !== undefined && second === undefined ? first.name : 'any of your structures'
  return [
    element('p', { class: 'say' }, `Is ${what} on ${question.plane} slice ${question.index + 1}?`),
    element('p', { class: 'muted' }, tied(question.reason)),
    element(
      'div',
      { class: 'buttons' },
      element('button', { id: 'answer-yes', onclick: commands.yes }, 'Yes', key('Y')),
      element('button', { id: 'answer-no', onclick: commands.no }, 'No', key('N'))
    )
  ]
}

/** @param {import('../api/client.js').NextScan} nextScan @param {Commands} commands */
function scanCard({ scan, name, reason }, commands) {
  return [
    element('p', { class: 'say' }, name === null ? 'Nothing is left to do' : `Continue with ${name}`),
    element('p', { class: 'muted' }, reason),
    scan !== null && element('button', { id: 'open-next', class: 'primary', onclick: () => commands.openNext(scan) }, 'Open it', key('G'))
  ]
}

/** @param {State} state @param {Commands} commands */
function review({ scan, me, project, suggestion }, commands) {
  if (scan === null) return null
  const reviews = !project?.accounts || me?.role === 'admin' || me?.role === 'reviewer'
  const returned = scan.status === 'returned' && scan.remark ? element('p', {}, `Returned: ${scan.remark}`) : null
  if (scan.status === 'accepted') return [element('p', { class: 'muted' }, 'This scan is accepted.')]
  if (!reviews) return [returned, element('button', { id: 'submit-scan', disabled: scan.status === 'submitted', onclick: commands.submitScan }, scan.status === 'submitted' ? 'Waits for a reviewer' : 'Hand in for review')]
  const remark = element('input', { id: 'remark', placeholder: 'Remark for the annotator', 'aria-label': 'Remark for the annotator', maxLength: 2000 })
  return [
    returned,
    scan.status === 'submitted' && remark,
    element(
      'div',
      { class: 'buttons' },
      scan.status === 'submitted' && element('button', { id: 'return-scan', onclick: () => commands.returnScan(remark.value) }, 'Return'),
      element('button', { id: 'accept-scan', class: suggestion?.may_stop ? 'primary' : undefined, onclick: commands.acceptScan }, 'Accept scan')
    )
  ]
}
