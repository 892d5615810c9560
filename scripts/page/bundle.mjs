// Bundles NiiVue into one module that the package carries, with its licences and its SHA-256.
// `--check` bundles again and compares, so that the committed file is known to be what npm gives.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const vendor = join(here, '../../src/fewslice/server/page/vendor')

const result = await build({
  absWorkingDir: here,
  stdin: { contents: "export { Niivue, NVImage, SLICE_TYPE, MULTIPLANAR_TYPE } from '@niivue/niivue'", resolveDir: here },
  bundle: true,
  format: 'esm',
  minify: true,
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
  metafile: true,
  write: false
})

const code = result.outputFiles[0].contents
const sums = `${createHash('sha256').update(code).digest('hex')}  niivue.js\n`

/** Folders of the npm packages that ended up in the bundle, sorted by name. */
function bundledPackages() {
  const names = Object.keys(result.metafile.inputs).map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1])
  return [...new Set(names.filter((name) => name !== undefined))].sort()
}

/** The licence's text as its package has it; NiiVue's package carries none, so it lies beside this file. */
function licenceOf(name) {
  if (name === '@niivue/niivue') return readFileSync(join(here, 'LICENSE.niivue'), 'utf8')
  const folder = join(here, 'node_modules', name)
  const file = ['LICENSE', 'LICENSE.md', 'license'].map((each) => join(folder, each)).find(existsSync)
  if (file === undefined) throw new Error(`${name} is in the bundle and has no licence file: find its licence first.`)
  return readFileSync(file, 'utf8')
}

const licences = bundledPackages()
  .map((name) => {
    const { version, license } = JSON.parse(readFileSync(join(here, 'node_modules', name, 'package.json'), 'utf8'))
    return `${name} ${version} (${license})\n${'='.repeat(72)}\n${licenceOf(name).trim()}\n`
  })
  .join('\n\n')

const files = { 'niivue.js': Buffer.from(code), SHA256SUMS: Buffer.from(sums), LICENSES: Buffer.from(licences) }
const checking = process.argv.includes('--check')
for (const [name, content] of Object.entries(files)) {
  const path = join(vendor, name)
  if (!checking) writeFileSync(path, content)
  else if (!existsSync(path) || !readFileSync(path).equals(content)) {
    console.error(`${name} in the page's vendor folder is not what the lock file builds: run make page and commit the result.`)
    process.exit(1)
  }
}
console.log(`NiiVue, ${(code.length / 1e6).toFixed(1)} MB, is ${checking ? 'what the lock file builds' : 'bundled'}.`)
