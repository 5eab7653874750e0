import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fileKeyStore } from '../src/stores/file.ts'

const writer = fileURLToPath(new URL('support/file-writer.ts', import.meta.url))

let folder = ''
let writers: ChildProcess[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosaajii-'))
  writers = []
})
afterEach(async () => {
  for (const child of writers) child.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

interface Writer {
  readonly child: ChildProcess
  readonly ended: Promise<{ code: number | null; signal: string | null }>
  /** The tokens that it tried, and those that it won with the generation. */
  readonly tried: string[]
  readonly won: Map<string, number>
}

function startWriter(): Writer {
  const args = ['--import', 'tsx', '--conditions=@mosaajii/source', writer, folder]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  writers.push(child)
  const tried: string[] = []
  const won = new Map<string, number>()
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (output + text).split('\n')
    output = lines.pop() ?? ''
    for (const [word, token = '', generation] of lines.map((line) => line.split(' '))) {
      if (word === 'tries') tried.push(token)
      else won.set(token, Number(generation))
    }
  })
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  return { child, ended, tried, won }
}

/** Waits until a writer is at work, and then for a random moment of it. */
async function atWork({ tried }: Writer): Promise<void> {
  while (tried.length === 0) await sleep(5)
  await sleep(Math.random() * 40)
}

test('several processes, 20 of them killed, lose no update, take no generation twice and leave no lock', async () => {
  const steady = [startWriter(), startWriter()]
  const killed: Writer[] = []
  while (killed.length < 20) {
    const round = [startWriter(), startWriter()]
    for (const victim of round) {
      await atWork(victim)
      victim.child.kill('SIGKILL')
      expect(await victim.ended).toEqual({ code: null, signal: 'SIGKILL' })
      killed.push(victim)
    }
  }
  for (const { child } of steady) child.stdin?.end()
  for (const { ended } of steady) expect(await ended).toEqual({ code: 0, signal: null })

  const found = await fileKeyStore(folder).read('main')
  const { log } = JSON.parse(found?.document ?? '{}') as { log: string[] }
  expect(log.length).toBe(found?.generation)
  expect(new Set(log).size).toBe(log.length)
  const all = [...steady, ...killed]
  // Every update that a process knows it won is in the document, at its generation.
  const won = all.flatMap((one) => [...one.won])
  expect(won.length).toBeGreaterThan(20)
  for (const [token, generation] of won) expect(log[generation - 1]).toBe(token)
  // The others are of killed processes, one each at most: what they were writing when they died.
  const known = new Set(won.map(([token]) => token))
  const last = new Set(killed.map(({ tried }) => tried.at(-1)))
  expect(log.filter((token) => !known.has(token) && !last.has(token))).toEqual([])

  const next = found?.generation ?? 0
  expect(await fileKeyStore(folder).write('main', '{"last":true}', next)).toBe(true)
  const names = (await readdir(folder)).sort()
  expect(names).toEqual(Array.from({ length: next + 1 }, (_, i) => `main.${String(i + 1).padStart(10, '0')}.json`))
  const old = await Promise.all(names.slice(0, -1).map((name) => readFile(join(folder, name), 'utf8')))
  expect(old.join('')).toBe('')
}, 120_000)
