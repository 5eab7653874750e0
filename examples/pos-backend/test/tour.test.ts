import { spawn } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { runSteps } from '../src/tour/report.ts'

const node = ['--import', 'tsx', '--conditions=@mosaajii/source']
const main = (name: string): string => fileURLToPath(new URL(`../src/${name}`, import.meta.url))

function run(file: string, env: Record<string, string> = {}): Promise<{ code: number | null; printed: string }> {
  const ended = new Promise<{ code: number | null; printed: string }>((resolve) => {
    const child = spawn(process.execPath, [...node, file], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let printed = ''
    const collect = (chunk: Buffer): void => {
      printed += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('close', (code) => resolve({ code, printed }))
    // One that outlives its test cleans up after itself when it is asked to end.
    onTestFinished(async () => {
      child.kill()
      await ended
    })
  })
  return ended
}

test('the tour holds on each framework', { timeout: 240_000 }, async () => {
  const { code, printed } = await run(main('tour.ts'))
  expect(printed).toContain('All steps hold')
  expect(printed.match(/^The shop on \w+:$/gm)).toEqual([
    'The shop on express:',
    'The shop on fastify:',
    'The shop on hono:',
  ])
  expect(printed.match(/^ok {2}/gm)?.length).toBe(3 * 22)
  expect(code).toBe(0)
})

test('a step that fails ends the tour', async () => {
  const ran: string[] = []
  const step = (name: string, proof: string) => ({
    name,
    prove: async () => {
      ran.push(name)
      if (proof === '') throw new Error('no')
      return proof
    },
  })
  expect(await runSteps([step('a', 'x'), step('b', ''), step('c', 'x')])).toBe(false)
  expect(ran).toEqual(['a', 'b'])
  expect(await runSteps([step('a', 'x')])).toBe(true)
})

test('a taken port is explained', { timeout: 60_000 }, async () => {
  const server = createServer()
  onTestFinished(() => void server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const data = await mkdtemp(join(tmpdir(), 'pos-port-'))
  onTestFinished(() => rm(data, { recursive: true, force: true }))
  const { code, printed } = await run(main('main.ts'), { PORT: `${port}`, POS_DATA: data })
  expect(printed).toContain(`Port ${port} is taken. Choose another one: PORT=3001 npm start`)
  expect(code).toBe(1)
})

test('an unknown framework is explained, and nothing is started or written', { timeout: 60_000 }, async () => {
  const data = join(tmpdir(), `pos-none-${process.pid}`)
  for (const file of ['main.ts', 'tour.ts']) {
    const { code, printed } = await run(main(file), { POS_DATA: data, POS_FRAMEWORK: 'koa' })
    expect(printed).toContain('the framework must be one of express, fastify, hono: npm start -- --framework=fastify')
    expect(code).toBe(1)
  }
  await expect(stat(data)).rejects.toThrow('ENOENT')
})
