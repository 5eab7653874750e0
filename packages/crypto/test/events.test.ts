import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { inspect } from 'node:util'
import { discardEvents, type EventSink, type SecurityEvent, systemClock, toProblem } from '@mosaajii/core'
import { cryptoEvents, type Keyring, searchable, sealed } from '@mosaajii/crypto'
import { recorded } from '../src/events.ts'
import { type Fleet, fleet, minute, rejection, rowsSource } from './support/fleet.ts'
import { gate } from './support/providers.ts'

let group: Fleet
beforeEach(() => {
  group = fleet()
})
afterEach(() => {
  group.closeAll()
  vi.useRealTimers()
})

/** What a sink, the provider and the store saw, in the order in which they saw it. */
function watched(): { log: string[]; sink: EventSink } {
  const log: string[] = []
  group.provider.answer((call) => {
    log.push(`${call.what} ${call.purpose} ${call.version}`)
    return undefined
  })
  group.store.beforeWrite(() => void log.push('write'))
  const sink: EventSink = {
    write: async ({ name, phase, data }) => {
      // A slow sink: what does not wait for it comes too early.
      await new Promise((resolve) => setTimeout(resolve, 2))
      const key = data['purpose'] === undefined ? '' : ` ${data['purpose']} ${data['keyVersion']}`
      log.push(`${name}${key} ${phase}`)
    },
  }
  return { log, sink }
}

const retired = async (keyring: Keyring) => {
  await keyring.rotate()
  await group.pass(2 * minute, keyring)
  await group.pass(2 * minute, keyring)
}

describe('a required event comes before its effect', () => {
  test('making a keyring', async () => {
    const { log, sink } = watched()
    await group.open({ events: sink })
    expect(log).toEqual([
      'keyring.create intent',
      'wrap data 1',
      'keyring.unwrap data 1 intent',
      'unwrap data 1',
      'keyring.unwrap data 1 done',
      'wrap index 1',
      'keyring.unwrap index 1 intent',
      'unwrap index 1',
      'keyring.unwrap index 1 done',
      'write',
      'keyring.create done',
    ])
  })

  test('opening one', async () => {
    ;(await group.open()).close()
    const { log, sink } = watched()
    await group.open({ events: sink })
    for (const purpose of ['data', 'index']) {
      const own = log.filter((line) => line.includes(` ${purpose} 1`))
      expect(own).toEqual([
        `keyring.unwrap ${purpose} 1 intent`,
        `unwrap ${purpose} 1`,
        `keyring.unwrap ${purpose} 1 done`,
      ])
    }
    expect(log.length).toBe(6)
  })

  test.each(['data', 'index'] as const)('rotating the %s key', async (purpose) => {
    const { log, sink } = watched()
    const keyring = await group.open({ events: sink })
    log.length = 0
    await (purpose === 'data' ? keyring.rotate() : keyring.rotateIndex())
    expect(log).toEqual([
      `keyring.rotate ${purpose} 2 intent`,
      `wrap ${purpose} 2`,
      `keyring.unwrap ${purpose} 2 intent`,
      `unwrap ${purpose} 2`,
      `keyring.unwrap ${purpose} 2 done`,
      'write',
      `keyring.rotate ${purpose} 2 done`,
    ])
  })

  test('destroying a key', async () => {
    const { log, sink } = watched()
    const keyring = await group.open({ events: sink })
    await retired(keyring)
    log.length = 0
    await keyring.destroy(1, { sources: [] })
    expect(log).toEqual(['keyring.destroy data 1 intent', 'write', 'keyring.destroy data 1 done'])
  })
})

describe('a sink that fails', () => {
  const down = new Error('the log is full')

  it('stops the making of a keyring before the provider is called', async () => {
    group.events.failWith(down)
    const error = await rejection(group.open())
    expect(error).toMatchObject({ name: 'CryptoError', code: 'EVENT_NOT_RECORDED', status: 503, cause: down })
    expect(group.provider.calls).toEqual([])
    expect(group.store.written).toEqual([])
  })

  it('stops the opening of one before the provider is called', async () => {
    ;(await group.open()).close()
    const asked = group.provider.calls.length
    group.events.failWith(down)
    expect((await rejection(group.open())).code).toBe('EVENT_NOT_RECORDED')
    expect(group.provider.calls.length).toBe(asked)
  })

  test.each(['rotate', 'rotateIndex'] as const)('stops %s() before anything', async (name) => {
    const keyring = await group.open()
    const [asked, written] = [group.provider.calls.length, group.store.written.length]
    group.events.failWith(down)
    expect((await rejection(keyring[name]())).code).toBe('EVENT_NOT_RECORDED')
    expect([group.provider.calls.length, group.store.written.length]).toEqual([asked, written])
    group.events.failWith(undefined)
    expect((await keyring[name]()).version).toBe(2)
  })

  it('stops rotateIfDue() too', async () => {
    const keyring = await group.open()
    await group.pass(90 * 1440 * minute, keyring)
    group.events.failWith(down)
    expect((await rejection(keyring.rotateIfDue())).code).toBe('EVENT_NOT_RECORDED')
  })

  it('stops destroy() before the store is written', async () => {
    const keyring = await group.open()
    await retired(keyring)
    const written = group.store.written.length
    group.events.failWith(down)
    expect((await rejection(keyring.destroy(1, { sources: [] }))).code).toBe('EVENT_NOT_RECORDED')
    expect(group.store.written.length).toBe(written)
    expect(keyring.versions()[0]?.state).toBe('decrypt-only')
  })

  it('within a rotation, at the unwrapping, leaves nothing published', async () => {
    const events: EventSink = {
      write: ({ name, data }) => {
        if (name === 'keyring.unwrap' && data['keyVersion'] === 2) throw down
      },
    }
    const keyring = await group.open({ events })
    const written = group.store.written.length
    expect((await rejection(keyring.rotate())).code).toBe('EVENT_NOT_RECORDED')
    expect(group.provider.made('unwrap')).not.toContain('data 2')
    expect(group.store.written.length).toBe(written)
  })

  it('only for the outcome changes nothing: what was done must not be done again', async () => {
    const phases: (string | undefined)[] = []
    const events: EventSink = {
      write: async ({ phase }) => {
        phases.push(phase)
        if (phase !== 'intent') throw down
      },
    }
    const keyring = await group.open({ events })
    expect((await keyring.rotate()).version).toBe(2)
    expect(phases).toContain('done')
  })

  it('leaves sealing and opening alone: their events are best-effort', async () => {
    const keyring = await group.open()
    const email = keyring.field({ table: 'customers', column: 'email' })
    group.events.failWith(down)
    const token = email.seal('ada@example.com', { row: 1 })
    expect(email.open(token, { row: 1 })).toBe('ada@example.com')
    expect(() => email.open(token, { row: 2 })).toThrow(expect.objectContaining({ code: 'DECRYPT_FAILED' }))
  })

  test.each([
    [
      'throws',
      () => {
        throw down
      },
    ],
    ['never answers', () => new Promise<void>(() => undefined)],
  ])('because it %s stops no more than the action', async (_, write) => {
    const keyring = await group.open({
      events: { write: ({ phase, data }) => (data['keyVersion'] === 2 && phase === 'intent' ? write() : undefined) },
      deadline: '200ms',
    })
    expect(await rejection(keyring.rotate())).toMatchObject({ code: 'EVENT_NOT_RECORDED', status: 503 })
    // Later readings are not stuck behind it.
    await keyring.refresh()
    expect((await keyring.rotateIndex().catch((error: unknown) => error)) as object).toMatchObject({
      code: 'EVENT_NOT_RECORDED',
    })
  })
})

describe('an outcome', () => {
  const phasesOf = (name: string) => {
    const byAction = new Map<string, (string | undefined)[]>()
    for (const { action = '', phase } of group.events.named(name)) {
      byAction.set(action, [...(byAction.get(action) ?? []), phase])
    }
    return [...byAction.values()]
  }

  it('follows each intent under its action id', async () => {
    const keyring = await group.open()
    await retired(keyring)
    await keyring.rotateIndex()
    await keyring.destroy(1, { sources: [] })
    const required = group.events.events.filter(({ name }) => cryptoEvents[name as keyof typeof cryptoEvents].required)
    expect(required.length).toBe(16)
    const actions = new Set(required.map(({ action }) => action))
    expect(actions.size).toBe(8)
    for (const name of ['keyring.create', 'keyring.unwrap', 'keyring.rotate', 'keyring.destroy']) {
      for (const phases of phasesOf(name)) expect(phases, name).toEqual(['intent', 'done'])
    }
    for (const { action } of required) expect(action).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('says failed when the provider fails', async () => {
    group.provider.answer(() => Promise.reject(new Error('down')))
    await rejection(group.open())
    expect(phasesOf('keyring.create')).toEqual([['intent', 'failed']])
  })

  it('says failed when the first document could not be written', async () => {
    group.store.beforeWrite(() => {
      throw new Error('disk full')
    })
    await rejection(group.open())
    expect(phasesOf('keyring.create')).toEqual([['intent', 'failed']])
  })

  it('says failed for the instance that another one was faster than', async () => {
    await Promise.all([group.open(), group.open(), group.open()])
    expect(phasesOf('keyring.create').toSorted()).toEqual([
      ['intent', 'done'],
      ['intent', 'failed'],
      ['intent', 'failed'],
    ])
    const keyrings = await Promise.all([group.open(), group.open()])
    await Promise.all(keyrings.map(async (keyring) => keyring.rotate()))
    const outcomes = phasesOf('keyring.rotate').map((phases) => phases.at(-1))
    expect(outcomes.filter((phase) => phase === 'done').length).toBe(2)
    expect(outcomes.length).toBeGreaterThan(2)
  })

  it('says failed when a rotation could not be written', async () => {
    const keyring = await group.open()
    group.store.beforeWrite(() => {
      throw new Error('disk full')
    })
    expect((await rejection(keyring.rotate())).code).toBe('KEY_STORE_FAILED')
    expect(phasesOf('keyring.rotate')).toEqual([['intent', 'failed']])
  })

  it('says done when the rotation was written, even if it cannot be read then', async () => {
    const keyring = await group.open()
    group.store.beforeWrite(() => {
      group.store.falsify(() => {
        throw new Error('replica lost')
      })
    })
    expect(await keyring.rotate()).toMatchObject({ version: 2, state: 'pending' })
    expect(phasesOf('keyring.rotate')).toEqual([['intent', 'done']])
    expect((await group.store.document()).keys.length).toBe(3)
  })

  it('says done when the tombstone was written, even if it cannot be read then', async () => {
    const keyring = await group.open()
    await retired(keyring)
    group.store.beforeWrite(() => {
      group.store.falsify(() => {
        throw new Error('replica lost')
      })
    })
    expect(await keyring.destroy(1, { sources: [] })).toMatchObject({ version: 1, state: 'destroyed' })
    expect(phasesOf('keyring.destroy')).toEqual([['intent', 'done']])
  })

  it('says failed when a destruction is refused at the last moment', async () => {
    const [keyring, other] = [await group.open(), await group.open()]
    await retired(keyring)
    group.store.beforeWrite(async () => {
      group.store.beforeWrite(undefined)
      other.field({ table: 'late', column: 'late' })
      await other.recorded()
    })
    expect((await rejection(keyring.destroy(1, { sources: [] }))).code).toBe('KEY_DESTRUCTION_REFUSED')
    expect(phasesOf('keyring.destroy')).toEqual([['intent', 'failed']])
  })
})

describe('recorded()', () => {
  const data = { keyring: 'main', provider: 'local' }

  it('hands each event data of its own, so that a sink cannot change the next one', async () => {
    const seen: SecurityEvent[] = []
    const events: EventSink = {
      write: (event) => {
        seen.push({ ...event, data: { ...event.data } })
        ;(event.data as Record<string, unknown>)['keyring'] = 'changed'
      },
    }
    await recorded({ events, clock: systemClock, deadline: 100 }, 'keyring.create', data, async () => 7)
    expect(seen.map((event) => event.data)).toEqual([data, data])
    expect(data.keyring).toBe('main')
  })

  it('gives an outcome that never answers up, too', async () => {
    vi.useFakeTimers()
    const events: EventSink = { write: ({ phase }) => (phase === 'intent' ? undefined : new Promise(() => undefined)) }
    const doing = recorded({ events, clock: systemClock, deadline: 50 }, 'keyring.create', data, async () => 7)
    await vi.advanceTimersByTimeAsync(50)
    expect(await doing).toBe(7)
  })

  it('does not do what it gave up waiting to record', async () => {
    vi.useFakeTimers()
    const slow = gate()
    const effect = vi.fn<() => Promise<number>>(async () => 7)
    const doing = rejection(
      recorded(
        { events: { write: () => slow.passed }, clock: systemClock, deadline: 50 },
        'keyring.create',
        data,
        effect,
      ),
    )
    await vi.advanceTimersByTimeAsync(50)
    expect((await doing).code).toBe('EVENT_NOT_RECORDED')
    slow.open()
    await vi.advanceTimersByTimeAsync(50)
    expect(effect).not.toHaveBeenCalled()
  })
})

describe('what is told', () => {
  it('has the fields of the table, and no others', async () => {
    const keyring = await group.open()
    const email = keyring.field({ table: 'customers', column: 'email' })
    await retired(keyring)
    for (const bad of ['AQE', email.seal('x', { row: 1 })]) expect(() => email.open(bad, { row: 2 })).toThrow()
    await keyring.destroy(1, { sources: [{ fields: email, source: rowsSource(), empty: true }] })
    group.store.failWith(new Error('down'))
    vi.useFakeTimers()
    const ticking = await tickingKeyring()
    await vi.advanceTimersByTimeAsync(minute)
    ticking.close()
    expect(group.events.named('keyring.refreshFailed').length).toBeGreaterThan(0)
    expect(new Set(group.events.events.map(({ name }) => name))).toEqual(new Set(Object.keys(cryptoEvents)))
    for (const { name, data, time, phase, action } of group.events.events) {
      const { fields, required } = cryptoEvents[name as keyof typeof cryptoEvents]
      const expected = fields as Readonly<Record<string, string>>
      for (const [field, value] of Object.entries(data)) {
        expect(expected[field]?.replace('?', ''), `${name}.${field}`).toBe(typeof value)
      }
      for (const [field, type] of Object.entries(expected))
        if (!type.endsWith('?')) expect(Object.keys(data)).toContain(field)
      expect(time).toBeGreaterThanOrEqual(group.clock.now() - 90 * minute)
      expect([action !== undefined, phase !== undefined]).toEqual([required, required])
    }
  })

  async function tickingKeyring(): Promise<Keyring> {
    group.store.failWith(undefined)
    const keyring = await group.open()
    group.store.failWith(new Error('down'))
    return keyring
  }

  it('holds no key, no secret, no wrapped key, no plaintext: in no event, error, JSON or inspection', async () => {
    const plaintext = 'ada.lovelace@analytical.example'
    const keyring = await group.open()
    const email = keyring.field({ table: 'customers', column: 'email' })
    const index = email.blindIndex({ normalize: 'email' })
    const transient = keyring.transient({ table: 'payments', column: 'cvv', ttl: '5m' })
    const table = keyring.table('people', {
      row: 'id',
      fields: { name: sealed(), mail: searchable({ normalize: 'email' }) },
    })
    const token = email.seal(plaintext, { row: 1 })
    const record = table.seal({ id: 1, name: plaintext, mail: plaintext })
    const errors: unknown[] = []
    const collect = async (work: () => unknown) => {
      try {
        await work()
      } catch (error) {
        errors.push(error)
      }
    }
    await collect(() => email.open(token, { row: 2 }))
    await collect(() =>
      email.open(`${token.slice(0, 60)}${token[60] === 'A' ? 'B' : 'A'}${token.slice(61)}`, { row: 1 }),
    )
    await collect(() => email.open(plaintext, { row: 1 }))
    await collect(() => email.seal(token, { row: 1 }))
    await collect(() => email.seal(`${plaintext}\ud800`, { row: 1 }))
    await collect(() => email.seal(plaintext.repeat(10_000), { row: 1 }))
    await collect(() => email.seal(plaintext, { row: '' }))
    await collect(() => index.current('not an email of anyone'))
    await collect(() => transient.open(transient.seal(plaintext, { row: 1 }), { row: 2 }))
    await collect(() => table.open({ ...record, id: 2 }))
    await collect(() => keyring.destroy(1, { sources: [] }))
    await retired(keyring)
    const unreadable = rowsSource([{ key: 1, columns: { email: plaintext } }])
    await collect(() => keyring.destroy(1, { sources: [{ fields: email, source: unreadable }], dropped: [] }))
    const wrong = group.provider.calls.find(({ what }) => what === 'unwrap')?.bytes as Uint8Array
    group.provider.answer(() => Promise.resolve(wrong.slice()))
    await collect(() => keyring.rotate())
    await collect(() => group.open({ id: 'second' }))
    group.store.falsify((stored) => ({ generation: 99, document: stored?.document.slice(0, -2) ?? '' }))
    await collect(() => keyring.refresh())
    expect(errors.length).toBe(15)

    const records = group.provider.calls.filter(({ what }) => what === 'wrap').map(({ bytes }) => bytes)
    const wrappedKeys = group.provider.calls.filter(({ what }) => what === 'unwrap').map(({ bytes }) => bytes)
    expect(records.length).toBeGreaterThan(2)
    const secrets = [
      ...[...records.map((bytes) => bytes.slice(-32)), ...wrappedKeys, ...(await storedKeys())].flatMap(spellings),
      ...spellings(new TextEncoder().encode(plaintext)),
      plaintext,
    ]
    const everything = { keyring, email, index, transient, table, events: group.events.events, errors }
    for (const [name, value] of Object.entries(everything)) {
      const seen = inspect(value, {
        depth: Infinity,
        showHidden: true,
        maxArrayLength: Infinity,
        maxStringLength: Infinity,
        getters: true,
      })
      const text = `${seen}\n${json(value)}\n${errors.map((error) => `${String(error)} ${JSON.stringify(toProblem(error))}`).join()}`
      for (const secret of secrets) if (text.includes(secret)) expect.unreachable(`${name} shows ${secret}`)
    }
  })

  async function storedKeys(): Promise<Uint8Array[]> {
    const { keys } = await group.store.document()
    return keys.flatMap(({ wrapped }) => (wrapped ? [Buffer.from(wrapped, 'base64url')] : []))
  }

  /** Ways in which bytes could be shown: hexadecimal, base64, numbers. Eight bytes in a row are no chance. */
  function spellings(bytes: Uint8Array): string[] {
    const part = Buffer.from(bytes.slice(-9))
    return [
      part.toString('hex').slice(0, 16),
      part
        .toString('hex')
        .slice(0, 16)
        .replaceAll(/(..)(?=.)/g, '$1 '),
      part.toString('base64url'),
      part.toString('base64'),
      [...part].join(', '),
      [...part].join(','),
    ]
  }

  function json(value: unknown): string {
    const seen = new Set<unknown>()
    const text: unknown = JSON.stringify(value, (_, part: unknown) => {
      if (typeof part === 'bigint') return String(part)
      if (typeof part !== 'object' || part === null) return part
      if (seen.has(part)) return undefined
      seen.add(part)
      return part
    })
    return String(text)
  }

  it('is nothing with discardEvents(), which is the explicit way to have it so', async () => {
    const keyring = await group.open({ events: discardEvents() })
    await keyring.rotate()
    expect(group.events.events).toEqual([])
  })
})
