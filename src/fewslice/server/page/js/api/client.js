// The server's routes, one function each, and the shapes of what they answer.

import { decodeLabels, encodeLabels } from './arrays.js'
import { ask, bytesOf, getJson, Refused, sendJson } from './http.js'

/** @typedef {{value: number, name: string, colour: string, locked: boolean}} Structure */
/** @typedef {{low: number, high: number}} Window */
/** @typedef {Window & {name: string}} Preset */
/** @typedef {'new' | 'in_progress' | 'submitted' | 'returned' | 'accepted'} Status */
/**
 * @typedef {object} Scan
 * @property {number} id
 * @property {string} name
 * @property {[number, number, number]} shape voxels along left-right, back-front, feet-head
 * @property {[number, number, number]} spacing mm
 * @property {boolean} spacing_known false where 1 mm stands for a spacing that nobody knows
 * @property {Status} status
 * @property {number | null} predicted_dice
 * @property {{person: string, until: string, mine: boolean} | null} lease
 * @property {number} annotated_slices
 * @property {boolean} independent whether people annotate it apart from each other
 * @property {(Window & {presets: Preset[]}) | null} window null until the scan itself was asked for
 * @property {number} channels
 * @property {string | null} modality
 * @property {string | null} remark of the reviewer who gave it back
 * @property {number} plane the axis across which slices are drawn unless a person chooses another
 */
/** @typedef {import('../draw/log.js').Kind} Kind */
/** @typedef {{axis: number, index: number, kind: Kind, person: string, time: string, revision: number}} SliceInfo */
/** @typedef {{state: Kind | 'engine' | 'none', predicted_dice: number | null, suggested: boolean}} StripSlice */
/**
 * @typedef {object} Suggested
 * @property {number} axis
 * @property {number} index
 * @property {string} plane
 * @property {'draw' | 'present'} kind
 * @property {number | null} gain
 * @property {number | null} seconds what drawing it will take
 * @property {string} reason
 */
/** @typedef {{slices: Suggested[], predicted_dice: number | null, predicted_dice_low: number | null, may_stop: boolean, message: string, provisional: boolean}} Suggestion provisional: the ranking is under way */
/** @typedef {'queued' | 'running' | 'finished' | 'failed' | 'cancelled' | 'interrupted'} JobState */
/** @typedef {{id: number, kind: string, state: JobState, progress: number, text: string, message: string | null, scan: number | null, result?: {remarks?: string[]} | null}} Job result: remarks are what a person should read of an answer */
/**
 * @typedef {object} Progress
 * @property {Record<string, number>} scans how many have which status
 * @property {number} annotated_slices
 * @property {number} accepted_slices
 * @property {number} seconds of people's active time
 * @property {{version: number, slices: number, scans: number, dice: number | null}[]} curve
 * @property {number | null} predicted_dice
 */
/** @typedef {{name: string, structures: Structure[], version: string, accounts: boolean, progress: Progress}} Project */
/** @typedef {{version: number, promoted: boolean, score: number | null, before: number | null, slices: number, scans: number, verdict: string}} Model */
/** @typedef {{scan: number | null, name: string | null, reason: string}} NextScan */
/** @typedef {{id: number, name: string, role: 'admin' | 'annotator' | 'reviewer'}} Person */

const scanPath = (/** @type {number | string} */ id) => `/scans/${encodeURIComponent(id)}`
const slicePath = (/** @type {number | string} */ id, /** @type {number} */ axis, /** @type {number} */ index) =>
  `${scanPath(id)}/slices/${axis}/${index}`

/** @returns {Promise<Person>} */
export const me = () => getJson('/me')
/** @type {(name: string, password: string) => Promise<{person: Person}>} */
export const login = (name, password) => sendJson('POST', '/login', { name, password })
export const logout = () => sendJson('POST', '/logout')

/** @returns {Promise<Project>} */
export const project = () => getJson('/project')
/** @type {(structure: {name: string, colour?: string}) => Promise<Structure>} */
export const addStructure = (structure) => sendJson('POST', '/structures', structure)
/** @type {(structure: Structure) => Promise<Structure>} */
export const changeStructure = ({ value, name, colour, locked }) =>
  sendJson('PUT', `/structures/${value}`, { name, colour, locked })

/** @returns {Promise<Scan[]>} */
export const scans = () => getJson('/scans')
/** @type {(id: number) => Promise<Scan>} */
export const scan = (id) => getJson(scanPath(id))
/** @type {(id: number, force?: boolean) => Promise<any>} */
export const lease = (id, force = false) => sendJson('POST', `${scanPath(id)}/lease`, { force })
/** @type {(id: number) => Promise<any>} */
export const release = (id) => ask('DELETE', `${scanPath(id)}/lease`, { keepalive: true })
/** @type {(id: number, verb: 'submit' | 'accept' | 'return', remark?: string) => Promise<any>} */
export const review = (id, verb, remark = '') => sendJson('POST', `${scanPath(id)}/${verb}`, { remark })

/** @type {(id: number, channel: number, signal?: AbortSignal) => Promise<ArrayBuffer>} unpacked by the browser as it comes, which needs none of the page's time */
export const image = async (id, channel, signal) =>
  bytesOf(await ask('GET', `${scanPath(id)}/image?channel=${channel}&form=nii`, { signal }))
/** @type {(id: number) => Promise<SliceInfo[]>} everybody's; where people annotate apart from each other, one's own */
export const slices = (id) => getJson(`${scanPath(id)}/slices`)
/** @type {(id: number, axis: number) => Promise<{axis: number, slices: StripSlice[]}>} */
export const strip = (id, axis) => getJson(`${scanPath(id)}/strip?axis=${axis}`)
/** @type {(id: number, count?: number, wait?: number) => Promise<Suggestion>} wait: seconds for a ranking that is not provisional */
export const suggestion = (id, count = 1, wait = 0.7) => getJson(`${scanPath(id)}/suggestion?count=${count}&wait=${wait}`)
/** @typedef {{revision: number, axis: number, index: number, person: string, tool: string, conflict: {revision: number, person: string}}} Conflict */
/** @type {(id: number) => Promise<Conflict[]>} */
export const conflicts = (id) => getJson(`${scanPath(id)}/conflicts`)
/** @type {(id: number, revision: number, keep: boolean) => Promise<any>} keep: whether the revision counts, or what it met */
export const resolve = (id, revision, keep) => sendJson('POST', `${scanPath(id)}/conflicts`, { revision, keep })
/** @typedef {{revision: number, axis: number, index: number, action: string, person: string}} Revision */
/** @type {(id: number | string) => Promise<Revision[]>} oldest first */
export const history = (id) => getJson(`${scanPath(id)}/history`)
/** @typedef {{value: number, name: string, dice: number | null, surface_dice: number | null}} StructureAgreement */
/** @typedef {{first: string, second: string, structures: StructureAgreement[], slices: {axis: number, index: number, dice: number}[]}} PairAgreement slices: worst first */
/** @type {(id: number) => Promise<{pairs: PairAgreement[]}>} */
export const agreement = (id) => getJson(`/agreement/${id}`)

/** @returns {Promise<Person[]>} */
export const people = () => getJson('/people')

/**
 * Labels at a path; null where there are none.
 * @param {string} path
 */
async function labelsAt(path) {
  try {
    return await decodeLabels(await ask('GET', path))
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null
    throw error
  }
}

/** @type {(id: number, axis: number, index: number) => ReturnType<typeof labelsAt>} */
export const slice = (id, axis, index) => labelsAt(slicePath(id, axis, index))
/** @type {(id: number, axis: number, index: number, annotator: number) => ReturnType<typeof labelsAt>} one person's slice of a scan that people annotate apart from each other */
export const sliceOfPerson = (id, axis, index, annotator) => labelsAt(`${slicePath(id, axis, index)}?annotator=${annotator}`)
/** @type {(id: number) => ReturnType<typeof labelsAt>} */
export const answer = (id) => labelsAt(`${scanPath(id)}/answer`)
/** @type {(id: number, axis: number, index: number) => ReturnType<typeof labelsAt>} */
export const answerSlice = (id, axis, index) => labelsAt(`${scanPath(id)}/answer/slices/${axis}/${index}`)
/** @type {(id: number) => ReturnType<typeof labelsAt>} */
export const uncertainty = (id) => labelsAt(`${scanPath(id)}/uncertainty`)

/** @type {(id: number, near: {axis: number, index: number} | null) => Promise<{job: number}>} */
export const segment = (id, near) => sendJson('POST', `${scanPath(id)}/segment`, { near })
/** @type {(id: number) => Promise<any>} */
export const cancel = (id) => sendJson('POST', `/jobs/${id}/cancel`)
/** @returns {Promise<Job[]>} */
export const jobs = () => getJson('/jobs')
/** @type {(id: number) => Promise<Job>} */
export const job = (id) => getJson(`/jobs/${id}`)
/** @type {(current?: number) => Promise<NextScan>} current: the scan that is open now */
export const queue = (current) => getJson(current === undefined ? '/queue' : `/queue?current=${current}`)
/** @returns {Promise<{job: number}>} */
export const train = () => sendJson('POST', '/train', {})
/** @returns {Promise<Model[]>} */
export const models = () => getJson('/models')
/** @type {(version: number | string) => Promise<any>} */
export const activate = (version) => sendJson('POST', `/models/${version}/activate`)

/**
 * Sends one entry of the outbox; the answer comes only once it is durable.
 * @param {import('../sync/outbox.js').Waiting} entry
 * @param {boolean} again whether it may have been sent before, and only the answer was lost
 * @returns {Promise<{revision: number | null, conflict?: unknown, axis?: number, index?: number}>}
 */
export async function deliver(entry, again) {
  if (entry.what === 'undo' || entry.what === 'redo') {
    const done = again ? await walked(entry) : undefined
    return done ?? sendJson('POST', `${scanPath(entry.scan)}/${entry.what}`)
  }
  const path = slicePath(entry.scan, entry.axis, entry.index)
  if (entry.what === 'mark') {
    return sendJson('POST', `${path}/mark`, { mark: entry.mark, parent: entry.parent, client_key: entry.key, active_seconds: entry.seconds })
  }
  const { body, headers } = await encodeLabels(entry.labels, entry.shape)
  headers['X-Parent'] = entry.parent === null ? '' : String(entry.parent)
  headers['X-Action'] = entry.action
  headers['X-Tool'] = entry.tool
  headers['X-Active-Seconds'] = entry.seconds.toFixed(1)
  headers['X-Client-Key'] = entry.key
  return (await ask('PUT', path, { body, headers })).json()
}

/**
 * An undo or redo that the server did although its answer never came: it is newer than all that was known here
 * when it was asked for. Doing it again would take back one thing too many.
 * @param {import('../sync/outbox.js').Waiting} entry
 */
async function walked({ scan: id, what, person, parent }) {
  const revisions = await history(id)
  return revisions.find((each) => each.action === what && each.person === person && each.revision > (parent ?? 0))
}
