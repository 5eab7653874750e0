import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { discardEvents } from '@mosaajii/core'
import { fileKeyStore, type Keyring, localKeyProvider, openKeyring } from '@mosaajii/crypto'
import type { PlainDocument } from './support/fleet.ts'
import { randomSecret } from './support/providers.ts'

const script = fileURLToPath(new URL('support/keyring-process.ts', import.meta.url))
const secret = Buffer.from(randomSecret()).toString('hex')

let folder = ''
let children: ChildProcess[] = []
let keyrings: Keyring[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosaajii-'))
  children = []
  keyrings = []
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  for (const keyring of keyrings) keyring.close()
  await rm(folder, { recursive: true })
})

interface Running {
  readonly child: ChildProcess
  readonly lines: string[][]
  readonly ended: Promise<{ code: number | null; signal: string | null; errors: string }>
  of(word: string): string[][]
}

function run(what: string, name = '', flags: readonly string[] = []): Running {
  const args = [...flags, '--import', 'tsx', '--conditions=@mosaajii/source', script, what, folder, secret, name]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  children.push(child)
  const lines: string[][] = []
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (output + text).split('\n')
    output = parts.pop() ?? ''
    lines.push(...parts.map((line) => line.split(' ')))
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const ended = new Promise<{ code: number | null; signal: string | null; errors: string }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, errors }))
  })
  return { child, lines, ended, of: (word) => lines.filter(([first]) => first === word) }
}

async function until(condition: () => boolean, { ended }: Running): Promise<void> {
  let over = false
  void ended.finally(() => {
    over = true
  })
  while (!condition() && !over) await sleep(5)
}

async function open(): Promise<Keyring> {
  const store = fileKeyStore(folder)
  const keyring = await openKeyring({ provider: localKeyProvider({ secret }), store, events: discardEvents() })
  keyrings.push(keyring)
  return keyring
}

async function document(): Promise<PlainDocument> {
  return JSON.parse((await fileKeyStore(folder).read('main'))?.document ?? '') as PlainDocument
}

const well = { code: 0, signal: null, errors: '' }

test('several processes that start at once make one keyring, with one version each', async () => {
  const starting = ['a', 'b', 'c', 'd'].map((name) => run('start', name))
  for (const one of starting) await until(() => one.of('ready').length > 0, one)
  for (const { child } of starting) child.stdin?.write('go')
  for (const { ended } of starting) expect(await ended).toEqual(well)

  const { keys } = await document()
  expect(keys.map(({ purpose, version }) => `${purpose} ${version}`)).toEqual(['data 1', 'index 1'])
  const email = (await open()).field({ table: 'customers', column: 'email' })
  for (const one of starting) {
    expect(one.of('versions')).toEqual([['versions', '1', '1']])
    const [[, name = '', token = ''] = []] = one.of('sealed')
    expect(email.open(token, { row: name })).toBe(`from ${name}`)
  }
})

test('several processes that rotate and seal at once, 21 of them killed, lose no version and no value', async () => {
  const steady = run('rotate', 'steady')
  const killed: Running[] = []
  for (let round = 0; round < 7; round++) {
    const victims = ['a', 'b', 'c'].map((name) => run('rotate', `${name}${round}`))
    for (const victim of victims) {
      await until(() => victim.of('tries').length > 0, victim)
      await sleep(Math.random() * 60)
      victim.child.kill('SIGKILL')
      expect(await victim.ended).toMatchObject({ signal: 'SIGKILL', errors: '' })
      killed.push(victim)
    }
  }
  await until(() => steady.of('sealed').length > 0, steady)
  steady.child.stdin?.end()
  expect(await steady.ended).toEqual(well)
  expect(killed.length).toBe(21)

  const all = [steady, ...killed]
  const rotated = all.flatMap((one) => one.of('rotated').map(([, , version]) => Number(version)))
  expect(rotated.length).toBeGreaterThan(8)
  expect(new Set(rotated).size).toBe(rotated.length)
  // Opening reads the whole document and unwraps every key of it: versions count up without a gap.
  const keyring = await open()
  const versions = keyring.versions().map(({ version }) => version)
  expect(versions).toEqual(versions.map((_, i) => i + 1))
  const known = new Set([1, ...rotated])
  for (const version of rotated) expect(versions).toContain(version)
  // A killed process may have published one more, of which it could not tell any more.
  expect(versions.filter((version) => !known.has(version)).length).toBeLessThanOrEqual(killed.length)
  const email = keyring.field({ table: 'customers', column: 'email' })
  const sealed = all.flatMap((one) => one.of('sealed'))
  expect(sealed.length).toBeGreaterThan(0)
  for (const [, row = '', token = ''] of sealed) expect(email.open(token, { row })).toBe(`from ${row}`)
  expect(Math.max(...sealed.map(([, , token = '']) => email.keyVersionOf(token)))).toBeGreaterThan(1)
  // The next rotation works, and clears away what the killed ones left.
  expect((await keyring.rotate()).version).toBe(versions.length + 1)
  expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([])
}, 90_000)

test('a process that leaves its keyring open ends by itself', async () => {
  const left = run('leave')
  await until(() => left.of('left').length > 0, left)
  const start = performance.now()
  expect(await left.ended).toEqual(well)
  expect(performance.now() - start).toBeLessThan(2000)
})

test('nothing is rejected unhandled, whatever fails in the background', async () => {
  const failing = run('fail', '', ['--unhandled-rejections=strict'])
  expect(await failing.ended).toEqual(well)
  expect(failing.lines.flat()).toEqual(['KEY_VERSION_UNKNOWN', 'DECRYPT_FAILED', 'KEYRING_STALE', 'survived'])
})
