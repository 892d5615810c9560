// What happens on the server while the page is open. The browser reconnects by itself and says which event it
// saw last, so that none is missed.

/** @typedef {'job' | 'slices' | 'saved' | 'answer' | 'structures' | 'lease' | 'status' | 'training' | 'reset'} EventName reset: too much was missed, ask for everything again */

/**
 * @param {Partial<Record<EventName, (data: any) => void>>} handlers
 * @param {(online: boolean) => void} onConnection
 */
export function listen(handlers, onConnection) {
  const source = new EventSource('/api/v1/events')
  source.onopen = () => onConnection(true)
  source.onerror = () => onConnection(false)
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(JSON.parse(event.data)))
  }
  return source
}
