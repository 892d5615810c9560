// How a person is asked which of two versions of a slice counts.

/** @typedef {import('../api/client.js').Conflict} Conflict */
/** @typedef {{what: string, change: string, head: string}} Choice what: what happened; the others are what the versions are called */

const ELSEWHERE = ['MONAI Label', 'import'] // tools of what was drawn in another program

/**
 * @param {Pick<Conflict, 'person' | 'tool' | 'conflict'>} change what did not become the head of its slice
 * @param {string} where the slice
 * @param {string} me
 * @returns {Choice}
 */
export function choice({ person, tool, conflict: { person: other } }, where, me) {
  const own = person === me
  if (person !== other) {
    return { what: `${other} changed ${where} while ${own ? 'you' : person} drew on it.`, change: own ? 'Mine' : `${person}’s`, head: `${other}’s` }
  }
  // Nobody meets their own change, except from another program, and where it paints over a lock.
  if (ELSEWHERE.includes(tool)) {
    return { what: `What came of ${where} from another program is not what is drawn here.`, change: 'What came', head: 'The one here' }
  }
  return { what: `A change of ${where} paints over a locked structure.`, change: 'The change', head: 'The one before' }
}
