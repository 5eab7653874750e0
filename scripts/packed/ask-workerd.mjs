// Runs a bundled Worker in workerd on a free port of loopback and asks it: `node ask-workerd.mjs <workerd> <bundle>`. Prints one line.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

const [, , workerd, bundle] = process.argv
const config = join(dirname(bundle), 'workerd.capnp')
writeFileSync(
  config,
  `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "shop", worker = (
    modules = [ (name = "shop", esModule = embed "${basename(bundle)}") ],
    compatibilityDate = "2026-06-01",
  )) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "shop") ],
);
`,
)
const child = spawn(workerd, ['serve', config, '--control-fd=3'], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] })
try {
  await askAll(`http://127.0.0.1:${await portOf(child)}`)
} finally {
  child.kill()
}

/** It tells on its control pipe on which port it listens. */
function portOf(process) {
  return new Promise((resolve, reject) => {
    process.once('error', reject)
    process.once('exit', (code) => reject(new Error(`workerd ended with ${code}`)))
    createInterface({ input: process.stdio[3] }).once('line', (line) => resolve(JSON.parse(line).port))
    setTimeout(() => reject(new Error('workerd did not listen within 20 s')), 20_000).unref()
  })
}

async function askAll(shop) {
  const answers = await Promise.all(['/', '/', '/', '/nothing', '/thrown'].map((path) => fetch(shop + path)))
  const nonces = answers.map(({ headers }) => nonceOf(headers))
  assert.equal(new Set(nonces).size, answers.length)
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 404, 500],
  )
  assert.equal(await answers[0].text(), nonces[0])
  assert.equal(answers[0].headers.get('cache-control'), 'no-store')
  assert.equal(answers[0].headers.get('x-frame-options'), 'DENY')
  assert.doesNotMatch(await answers[4].text(), /not for clients/)
  const stock = await fetch(`${shop}/stock`)
  assert.equal(stock.headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'")
  assert.equal(new Set(await (await fetch(`${shop}/nonces`)).json()).size, 1000)
  await askReports(shop)
  await askLimited(shop)
  console.log(`workerd with hono, ${answers.length} nonces for ${answers.length} requests, and a limit`)
}

function nonceOf(headers) {
  const nonce = /'nonce-([^']+)'/.exec(headers.get('content-security-policy') ?? '')?.[1]
  assert.match(nonce ?? '', /^[A-Za-z0-9+/]{24}$/)
  return nonce
}

async function askLimited(shop) {
  const ask = (till) => fetch(`${shop}/limited`, { headers: { 'x-till': till } })
  assert.equal((await (await ask('7')).json()).remaining, 1)
  const answers = [await ask('7'), await ask('7'), await ask('8')]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 429, 200],
  )
}

async function askReports(shop) {
  const post = (body, more = {}) =>
    fetch(`${shop}/csp-reports`, {
      method: 'POST',
      headers: { 'content-type': 'application/csp-report', ...more },
      body,
    })
  const report = JSON.stringify({ 'csp-report': { 'effective-directive': 'img-src', 'blocked-uri': 'inline' } })
  assert.equal((await post(report)).status, 204)
  assert.equal((await post('x'.repeat(70_000))).status, 413)
  assert.equal((await post(report, { 'sec-fetch-site': 'cross-site' })).status, 403)
}
