import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import { describe, expect, it, vi } from 'vitest'
import { Breaker } from '../src/redis/breaker.ts'
import { Connection } from '../src/redis/connection.ts'
import { Deadlines } from '../src/redis/deadlines.ts'
import { Script } from '../src/redis/script.ts'

const never = new Promise<never>(() => undefined)

describe('deadlines', () => {
  it('end what waits too long, and nothing else', async () => {
    const deadlines = new Deadlines(30)
    const [slow, quick, twice] = [deadlines.begin(), deadlines.begin(), deadlines.begin()]
    const begun = performance.now()
    const ends = Promise.allSettled([slow.within(never), twice.within(never), twice.within(Promise.resolve(2))])
    expect(await quick.within(sleep(5, 'in time'))).toBe('in time')
    quick.end()
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
    expect(performance.now() - begun).toBeGreaterThanOrEqual(30)
    await expect(slow.within(sleep(0))).rejects.toThrow('no answer in time')
  })

  it('let answers through that lay there while the process itself was held up', async () => {
    const deadlines = new Deadlines(20)
    const deadline = deadlines.begin()
    const { port1, port2 } = new MessageChannel()
    const answer = new Promise((resolve) => void port2.once('message', () => resolve('read late')))
    const waits = deadline.within(answer)
    port1.postMessage('')
    for (const end = performance.now() + 60; performance.now() < end; );
    expect(await waits).toBe('read late')
    port1.close()
  })

  it('need one timer for all calls', async () => {
    const timer = vi.spyOn(globalThis, 'setTimeout')
    const deadlines = new Deadlines(20)
    const calls = Array.from({ length: 100 }, () => deadlines.begin())
    expect(timer).toHaveBeenCalledTimes(1)
    const ends = Promise.allSettled(calls.map((call) => call.within(never)))
    timer.mockRestore()
    expect((await ends).every(({ status }) => status === 'rejected')).toBe(true)
  })
})

describe('a breaker', () => {
  const make = (probe: () => Promise<unknown>): Breaker => new Breaker({ failures: 3, probeEvery: 50, probe })

  it('opens after failures in a row, and closes when a probe or a call succeeds', async () => {
    let answers = false
    let probes = 0
    const breaker = make(async () => {
      probes++
      if (!answers) throw new Error('gone')
    })
    breaker.failed()
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    breaker.failed()
    expect(breaker.isOpen).toBe(false)
    breaker.failed()
    expect(breaker.isOpen).toBe(true)
    await vi.waitFor(() => expect(probes).toBeGreaterThan(2))
    expect(breaker.isOpen).toBe(true)
    answers = true
    await vi.waitFor(() => expect(breaker.isOpen).toBe(false))
    // The first probe goes out at once.
    for (let i = 0; i < 3; i++) breaker.failed()
    expect(breaker.isOpen).toBe(true)
    await sleep(10)
    expect(breaker.isOpen).toBe(false)
    answers = false
    for (let i = 0; i < 3; i++) breaker.failed()
    breaker.succeeded()
    expect(breaker.isOpen).toBe(false)
    const before = probes
    await sleep(120)
    expect(probes).toBe(before)
  })
})

describe('a connection', () => {
  const script = new Script('return 1')

  it('sends the text only when the server does not know the script, and nothing twice otherwise', async () => {
    const sent: string[] = []
    const failing = (message: string) => async (): Promise<unknown> => {
      sent.push(message)
      throw new Error(message)
    }
    const commands = { exists: never, evalBuffer: async () => sent.push('text') }
    const run = (message: string): Promise<unknown> => {
      const client = { ...commands, exists: () => never, evalshaBuffer: failing(message) }
      const nodes = { of: () => '', lookAgain: () => undefined }
      const connection = new Connection(client, { deadline: 50, failures: 3, probeEvery: 1000 }, nodes)
      return connection.call((deadline) => connection.run(script, 1, ['k'], deadline))
    }
    await run('NOSCRIPT No matching script.')
    await expect(run('Connection is closed.')).rejects.toMatchObject({ code: 'WINDOW_STORE_FAILED', status: 503 })
    await expect(run('LOADING Redis is loading')).rejects.toThrow('LOADING')
    expect(sent).toEqual(['NOSCRIPT No matching script.', 'text', 'Connection is closed.', 'LOADING Redis is loading'])
  })

  it('keeps a breaker for each node, and looks for another node when one does not answer', async () => {
    let looked = 0
    const client = {
      evalshaBuffer: (_: string, __: number, key = '') => (key === 'dead' ? never : Promise.resolve(1)),
      evalBuffer: () => never,
      exists: () => Promise.reject(new Error('gone')),
    }
    const nodes = { of: (key: string) => key, lookAgain: () => void looked++ }
    const connection = new Connection(client, { deadline: 10, failures: 3, probeEvery: 10 }, nodes)
    const run = (key: string): Promise<unknown> =>
      connection.call((deadline) => connection.run(script, 1, [key], deadline))
    await Promise.allSettled([run('dead'), run('dead'), run('dead')])
    await expect(run('dead')).rejects.toThrow('asked again')
    expect(await run('alive')).toBe(1)
    await vi.waitFor(() => expect(looked).toBeGreaterThan(1))
  })

  /** A cluster of two nodes, where keys move, and where a node may hang. */
  function twoNodes() {
    const at = new Map<string, string>()
    const hung = new Set<string>()
    const asked: string[] = []
    const of = (key: string): string => at.get(key) ?? 'a'
    const answerOf = (key: string): Promise<unknown> => (hung.has(of(key)) ? never : Promise.resolve(1))
    const client = {
      evalshaBuffer: (_: string, __: number, key = '') => answerOf(key),
      evalBuffer: () => never,
      exists: (key: string) => {
        asked.push(key)
        return answerOf(key)
      },
    }
    const nodes = { of, lookAgain: () => undefined }
    const connection = new Connection(client, { deadline: 10, failures: 3, probeEvery: 10 }, nodes)
    const run = (key: string): Promise<unknown> =>
      connection.call((deadline) => connection.run(script, 1, [key], deadline)).catch((error: Error) => error.message)
    return { at, hung, asked, run }
  }

  it('asks a node by the key of its newest failure, so that no other node answers for it', async () => {
    const { at, hung, asked, run } = twoNodes()
    hung.add('a')
    await run('first')
    at.set('first', 'b')
    for (const key of ['x', 'y']) await run(key)
    await sleep(60)
    expect(await run('x')).toContain('asked again')
    expect(new Set(asked)).toEqual(new Set(['y']))
    hung.clear()
    await vi.waitFor(async () => expect(await run('x')).toBe(1))
  })

  it('does not take a node for gone because its key has moved to one that is', async () => {
    const { at, hung, run } = twoNodes()
    hung.add('a')
    await Promise.all([run('x'), run('x'), run('x')])
    expect(await run('y')).toContain('asked again')
    at.set('x', 'b')
    hung.clear()
    hung.add('b')
    await vi.waitFor(async () => expect(await run('y')).toBe(1))
  })

  const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' })

  it.each([
    [reply('WRONGTYPE Operation against a key holding the wrong kind of value'), false],
    [reply('FOREIGN the key holds something else'), false],
    [reply('ERR user_script:1: data string too short'), false],
    [reply('LOADING Redis is loading the dataset in memory'), true],
    [reply("READONLY You can't write against a read only replica."), true],
    [reply("OOM command not allowed when used memory > 'maxmemory'."), true],
    [reply('MASTERDOWN Link with MASTER is down'), true],
    [reply('CLUSTERDOWN Hash slot not served'), true],
    [reply('TRYAGAIN Multiple keys request during rehashing of slot'), true],
    [reply('BUSY Redis is busy running a script.'), true],
    [new Error('Connection is closed.'), true],
  ])('keeps away from a server that can serve nobody, and from no other: %s', async (error, isOutage) => {
    const client = {
      async evalshaBuffer(_: string, __: number, key = '') {
        if (key === 'bad') throw error
        return 1
      },
      evalBuffer: () => never,
      exists: () => never,
    }
    const nodes = { of: () => '', lookAgain: () => undefined }
    const connection = new Connection(client, { deadline: 50, failures: 3, probeEvery: 1000 }, nodes)
    const run = (key: string): Promise<unknown> =>
      connection.call((deadline) => connection.run(script, 1, [key], deadline))
    for (let i = 0; i < 3; i++) {
      await expect(run('bad')).rejects.toMatchObject({
        code: 'WINDOW_STORE_FAILED',
        message: `redisStore: ${error.message}`,
      })
    }
    const next = run('good')
    if (isOutage) await expect(next).rejects.toThrow('asked again')
    else expect(await next).toBe(1)
  })
})
