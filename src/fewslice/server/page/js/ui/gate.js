// Logging in, where the server has accounts.

import * as api from '../api/client.js'
import { element, part, show } from './dom.js'

/** Shows the form until somebody is logged in. */
export function logIn() {
  const gate = part('gate')
  if (!gate.hidden) return new Promise(() => {}) // somebody is about to
  gate.hidden = false
  return new Promise((/** @type {(value: void) => void} */ resolve) => {
    const name = element('input', { id: 'login-name', autocomplete: 'username', required: true })
    const password = element('input', { id: 'login-password', type: 'password', autocomplete: 'current-password', required: true })
    const wrong = element('p', { class: 'wrong', role: 'alert' })
    const submit = async (/** @type {Event} */ event) => {
      event.preventDefault()
      try {
        await api.login(name.value, password.value)
      } catch (error) {
        wrong.textContent = error instanceof Error ? error.message : String(error)
        return
      }
      gate.hidden = true
      resolve()
    }
    show(
      gate,
      element(
        'form',
        { onsubmit: submit },
        element('h2', {}, 'Log in'),
        element('label', { class: 'field' }, 'Name', name),
        element('label', { class: 'field' }, 'Password', password),
        wrong,
        element('button', { class: 'primary' }, 'Log in')
      )
    )
    name.focus()
  })
}
