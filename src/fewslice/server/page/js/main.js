// Puts the page together: state in the middle, the server on one side, what people see and do on the other.

import * as api from './api/client.js'
import { listen } from './api/events.js'
import { LOGGED_OUT, Refused } from './api/http.js'
import { Asking } from './app/asking.js'
import { commandsOf } from './app/commands.js'
import { bindingsOf, listenToKeys } from './app/keys.js'
import { Page } from './app/page.js'
import { Pen } from './app/pen.js'
import { newStore } from './app/state.js'
import { ActiveTime } from './sync/active_time.js'
import { Outbox } from './sync/outbox.js'
import { Sender } from './sync/sender.js'
import { showAgreement } from './ui/agreement.js'
import { showBarTools, showSaved, showWhere } from './ui/bar.js'
import { element, part } from './ui/dom.js'
import { logIn } from './ui/gate.js'
import { showHelp } from './ui/help.js'
import { showLook } from './ui/look.js'
import { showNext } from './ui/next.js'
import { showNotice } from './ui/notices.js'
import { showProgress } from './ui/progress.js'
import { showRemarks } from './ui/remarks.js'
import { showScans } from './ui/scans.js'
import { showSliceBar } from './ui/slice_bar.js'
import { Strip } from './ui/strip.js'
import { showStructures } from './ui/structures.js'
import { showRadius, showTools } from './ui/tools.js'
import { VolumePanel } from './ui/volume.js'
import { paintFrame, paintMeasurement, paintPen } from './view/ink.js'
import { planeAcross } from './view/plane.js'
import { SliceView } from './view/slice_view.js'

/** @typedef {import('./app/state.js').State} State */

const RENEWED = 60_000 // milliseconds after which a scan that is open is leased anew

/** Who works here; asks for name and password where the server wants them. */
async function whoAmI() {
  try {
    return await api.me()
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 401) throw error
    await logIn()
    return api.me()
  }
}

/** @param {SliceView} view @param {Page} page @param {Pen} pen */
function connectSlice(view, page, pen) {
  const { store } = page
  const colour = () => view.structureColours.get(page.state.value) ?? '#e9eef3'
  view.paintInk = (context, viewport) => {
    if (page.state.scan === null) return
    const { spacing_known: known } = page.state.scan
    paintFrame(context, viewport, known)
    paintMeasurement(context, viewport, pen.measured, known)
  }
  view.paintCursor = (context, viewport) => {
    const { tool, cutting, scan } = page.state
    if (scan !== null) paintPen(context, viewport, pen, { tool, colour: colour(), cutting })
  }
  /** @type {unknown} */
  let scanShown = null
  store.on(['opened', 'axis', 'radiological'], ({ scan, axis, radiological }) => {
    if (scan === null) return
    pen.cancel()
    view.setPlane(planeAcross(scan.shape, scan.spacing, axis, radiological))
    if (scan.id !== scanShown) view.viewport.fit()
    scanShown = scan.id
  })
  store.on(['volume', 'opened', 'axis', 'index', 'window', 'radiological'], ({ volume, index, window }) => {
    if (volume !== null) view.showImage(volume, index, window)
  })
  store.on(['axis', 'index', 'opened'], () => {
    pen.cancel()
  })
  store.on(['opened', 'axis', 'index', 'revision', 'radiological', 'compared'], ({ compared }) => {
    const labels = compared?.labels[0] ?? page.sheet?.labels
    if (labels) view.showLabels(labels)
  })
  store.on(['opened', 'axis', 'index', 'revision', 'answered', 'correcting', 'radiological', 'compared'], ({ compared }) => {
    view.showAnswer(compared?.labels[1] ?? page.besides)
  })
  store.on(['opened', 'axis', 'index', 'answered', 'showHeat', 'radiological'], ({ axis, index, showHeat }) => {
    view.showHeat(showHeat && page.work !== null ? page.answers.heat(axis, index) : null)
  })
  store.on(['project'], ({ project }) => view.setStructures(project?.structures ?? []))
  store.on(['opacity'], ({ opacity }) => view.setOpacity(opacity))
  store.on(['smooth'], ({ smooth }) => view.setSmooth(smooth))
  store.on(['showDrawing', 'showAnswer', 'showHeat'], ({ showDrawing, showAnswer, showHeat }) => view.setShown({ drawing: showDrawing, engine: showAnswer, heat: showHeat }))
  store.on(['tool', 'value', 'radius', 'cutting'], ({ tool }) => {
    view.parent.dataset.tool = tool
    view.cursorMoved()
  })
}

/** @param {Page} page @param {import('./app/commands.js').Commands} commands @param {import('./app/keys.js').Binding[]} bindings */
function connectPanels(page, commands, bindings) {
  const { store } = page
  const strip = new Strip(page)
  const volume = new VolumePanel(page)
  store.on(['project', 'scan'], showWhere)
  store.on(['sync', 'scan'], showSaved)
  store.on(['scan', 'job'], (state) => showBarTools(state, commands))
  store.on(['scans', 'scan', 'project'], (state) => showScans(state, page))
  store.on(['project', 'value'], (state) => showStructures(state, page))
  store.on(['scan', 'window', 'channel', 'presets', 'showDrawing', 'showAnswer', 'showHeat', 'smooth', 'radiological'], (state) => showLook(state, page))
  store.on(['scan', 'tool', 'cutting', 'axis'], (state) => showTools(state, page, commands))
  store.on(['radius'], showRadius)
  store.on(['scan', 'axis', 'index', 'revision', 'answered', 'correcting', 'project', 'compared'], (state) => showSliceBar(state, page, commands))
  store.on(['scan', 'axis', 'index', 'revision', 'answered', 'strip', 'suggestion'], (state) => strip.draw(state))
  store.on(['scan', 'axis', 'index', 'job', 'asking', 'suggestion', 'question', 'nextScan', 'answered', 'revision', 'me', 'project', 'scans'], (state) => showNext(state, page, commands))
  store.on(['scan', 'remarks'], showRemarks)
  store.on(['agreement'], (state) => showAgreement(state, page))
  store.on(['project', 'training', 'models', 'me'], (state) => showProgress(state, commands))
  store.on(['notice'], (state) => showNotice(state, page))
  const welcome = part('stage').appendChild(element('p', { class: 'welcome' }))
  store.on(['scan', 'scans', 'loading', 'project'], ({ scan, scans, loading, project }) => {
    welcome.hidden = scan !== null && !loading
    welcome.textContent = loading ? 'Opening the scan …' : project === null ? '' : scans.length > 0 ? 'Choose a scan on the left.' : 'This project has no scans yet.'
  })
  store.on(['help'], ({ help }) => showHelp(help, bindings, commands.help))
  store.on(['volume', 'scan'], (state) => volume.showImage(state))
  store.on(['window'], (state) => volume.showWindow(state))
  store.on(['radiological', 'project'], (state) => volume.showAll(state))
  store.on(['axis', 'index'], (state) => volume.showPlace(state))
  store.on(['revision', 'answered'], () => volume.showLabels())
}

/** Whether the page shows what becomes of a job. @param {Page} page @param {number} job @param {string} kind */
const concerns = ({ state }, job, kind) => job === state.job?.id || kind === 'train'

/** @param {Page} page @param {Asking} asking @param {Sender} sender */
function connectServer(page, asking, sender) {
  const scans = () => void page.trying(() => page.refreshScans())
  // What was drawn without a connection goes first: it counts whoever has the scan by now.
  const back = () => {
    page.reached()
    void sender.wake().then(() => page.lease.renew())
  }
  listen(
    {
      job: ({ job, kind }) => void (concerns(page, job, kind) && asking.look(job)),
      training: () => void page.trying(() => asking.refreshModels()),
      slices: (event) => void asking.preview(event),
      lease: (news) => {
        scans()
        void page.lease.heard(news)
      },
      status: scans,
      structures: scans,
      saved: ({ scan, person_id: by }) => void (scan === page.state.scan?.id && by !== page.state.me?.id && page.trying(() => page.learn())),
      answer: ({ scan }) => void (scan === page.state.scan?.id && page.state.job === null && page.trying(() => page.refreshAnswer())),
      reset: () => void page.trying(() => Promise.all([page.learn(), page.refreshAnswer()]))
    },
    (online) => void (online && back())
  )
  window.addEventListener('online', back)
  window.addEventListener(LOGGED_OUT, () => void logIn().then(back))
  setInterval(() => void page.lease.renew(), RENEWED)
  document.addEventListener('keydown', () => page.sync.time.touch(), { capture: true })
  window.addEventListener('pagehide', () => {
    const { scan, mayDraw } = page.state
    if (scan !== null && mayDraw) void api.release(scan.id)
  })
}

async function start() {
  const store = newStore()
  const [me, outbox] = await Promise.all([whoAmI(), Outbox.open()])
  const sender = new Sender(outbox, api.deliver, me.name, {
    onSaved: (entry, saved) => void page.acknowledged(entry, saved),
    onRefused: (_, message) => page.say(message, 'warning'),
    onState: (state, waiting) => store.set({ sync: { state, waiting } })
  })
  const page = new Page(store, { outbox, sender, time: new ActiveTime() })
  const asking = new Asking(page)
  const view = new SliceView(part('stage'), planeAcross([1, 1, 1], [1, 1, 1], 2, true))
  const pen = new Pen(page, view)
  const commands = commandsOf(page, asking, pen)
  const bindings = bindingsOf(page, pen, commands)
  store.set({ me })
  connectSlice(view, page, pen)
  connectPanels(page, commands, bindings)
  listenToKeys(bindings, view.parent, () => page.sync.time.touch())
  // Once the slice is on the screen; benchmarks read this.
  store.on(['opened'], ({ scan }) => scan && requestAnimationFrame(() => setTimeout(() => performance.mark('ready to draw'))))
  // A page that is loaded again, or whose address is passed on, opens the same scan.
  store.on(['opened'], ({ scan }) => scan && history.replaceState(null, '', `?scan=${scan.id}`))
  store.on(['opened'], ({ scan }) => scan && void asking.resume())
  await Promise.all([sender.run(), page.refreshScans()])
  connectServer(page, asking, sender)
  const wanted = Number(new URLSearchParams(location.search).get('scan'))
  const { scans } = page.state
  const first = scans.find(({ id }) => id === wanted) ?? scans.find(({ status }) => status !== 'accepted') ?? scans[0]
  await (first === undefined ? asking.resume() : page.openScan(first.id))
  await page.trying(() => asking.refreshModels())
  part('stage').dataset.opened = '' // all was asked for; tests read this
}

start().catch((error) => {
  part('saved').textContent = error instanceof Error ? error.message : String(error)
})
