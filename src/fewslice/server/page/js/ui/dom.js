// Elements without a framework. Text always goes in as text, so that no name can become markup.

/** @typedef {Node | string | number | false | null | undefined | Child[]} Child */
/** @typedef {Record<string, any>} Properties */

const SVG = 'http://www.w3.org/2000/svg'

/**
 * An element: `on...` properties are listeners, `class` and names with a dash are attributes.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value)
    else if (name === 'class' || name === 'role' || name === 'for' || name.includes('-')) made.setAttribute(name, String(value))
    else Object.assign(made, { [name]: value })
  }
  made.append(...nodes(children))
  return made
}

/** @param {Child[]} children @returns {(Node | string)[]} */
function nodes(children) {
  return children
    .flatMap((child) => (Array.isArray(child) ? nodes(child) : [child]))
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)))
}

/** @param {string} name of a symbol in index.html */
export function icon(name) {
  const made = document.createElementNS(SVG, 'svg')
  made.setAttribute('class', 'icon')
  made.setAttribute('aria-hidden', 'true')
  const use = document.createElementNS(SVG, 'use')
  use.setAttribute('href', `#i-${name}`)
  made.append(use)
  return made
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...string} text
 */
export function svg(tag, attributes, ...text) {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  made.append(...text)
  return made
}

/**
 * Replaces what a part of the page shows. The element with the focus keeps it, found again by its id, and with it
 * what somebody is typing.
 * @param {HTMLElement} place
 * @param {...Child} children
 */
export function show(place, ...children) {
  const focused = place.contains(document.activeElement) ? document.activeElement : null
  place.replaceChildren(...nodes(children))
  const again = focused?.id ? document.getElementById(focused.id) : null
  again?.focus()
  if (focused instanceof HTMLInputElement && again instanceof HTMLInputElement && again.type !== 'checkbox') again.value = focused.value
}

/** @param {string} id */
export function part(id) {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`index.html has no element ${id}.`)
  return found
}

/** @param {string} key as people read it */
export const key = (key) => element('kbd', { 'aria-hidden': 'true' }, key)
