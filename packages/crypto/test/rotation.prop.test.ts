import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { discardEvents, isSecurityError } from '@mosaajii/core'
import {
  type Field,
  type Keyring,
  type KeyProvider,
  localKeyProvider,
  memoryKeyStore,
  openKeyring,
  UnknownKeyVersionError,
} from '@mosaajii/crypto'
import { minute, rowsSource, type WatchedStore, watchedStore } from './support/fleet.ts'
import { randomSecret } from './support/providers.ts'

// Whatever several instances, a table, a store with outages and time do to each other: no value is lost, and an instance that refreshes
// opens what the others seal.

afterEach(() => {
  vi.useRealTimers()
})

/** One instance: its keyring, its own line to the common store, and what can be seen of it from outside. */
class Instance {
  readonly store: WatchedStore
  readonly skew: number
  readonly refresh: number
  /** When its store last answered a reading, by the true time. */
  lastRead = 0
  #keyring: Keyring | undefined
  #email: Field | undefined

  constructor(shared: ReturnType<typeof memoryKeyStore>, refresh: number, skew: number) {
    this.skew = skew
    this.refresh = refresh
    this.store = watchedStore({
      read: async (id) => {
        const stored = await shared.read(id)
        this.lastRead = Date.now()
        return stored
      },
      write: async (...args) => shared.write(...args),
    })
  }

  get keyring(): Keyring {
    return this.#keyring ?? expect.unreachable('not open')
  }

  get email(): Field {
    return this.#email ?? expect.unreachable('not open')
  }

  async start(provider: KeyProvider): Promise<void> {
    const { store, refresh, skew } = this
    const clock = { now: () => Date.now() + skew }
    this.#keyring?.close()
    this.#keyring = await openKeyring({ provider, store, refresh, clock, events: discardEvents(), rotateAfter: '10m' })
    this.#email = this.#keyring.field({ table: 'customers', column: 'email' })
    await this.#keyring.recorded()
  }
}

class World {
  readonly provider = localKeyProvider({ secret: randomSecret() })
  readonly instances: readonly Instance[]
  readonly table = rowsSource()
  readonly interval: number
  readonly skew: number
  /** What happened, so that a test can tell that it tested something. */
  readonly seen = { sealed: 0, stale: 0, unknown: 0, rotated: 0, destroyed: 0, refused: 0 }

  constructor(plan: readonly { refresh: number; skew: number }[]) {
    const shared = memoryKeyStore()
    this.instances = plan.map(({ refresh, skew }) => new Instance(shared, refresh, skew))
    this.interval = Math.max(...plan.map(({ refresh }) => refresh))
    const skews = plan.map(({ skew }) => skew)
    this.skew = Math.max(...skews) - Math.min(...skews)
  }

  /** Whether an instance knows all that another one may seal with: its last reading is younger than any active version. */
  isUpToDate({ lastRead }: Instance): boolean {
    return Date.now() - lastRead < 2 * this.interval - this.skew
  }

  async write(by: Instance): Promise<void> {
    const key = this.table.rows.length
    const overdue = Date.now() - by.lastRead
    let value: string
    try {
      value = by.email.seal(`value ${key}`, { row: key })
    } catch (error) {
      expect(error).toMatchObject({ code: 'KEYRING_STALE' })
      expect(overdue).toBeGreaterThanOrEqual(2 * by.refresh)
      this.seen.stale++
      return
    }
    expect(overdue).toBeLessThan(2 * by.refresh)
    this.seen.sealed++
    this.table.rows.push({ key, columns: { email: value } })
    for (const opener of this.instances) await this.read(opener, key)
  }

  async read(by: Instance, key: number): Promise<void> {
    const value = this.table.rows[key]?.columns['email'] ?? ''
    const upToDate = this.isUpToDate(by)
    try {
      expect(by.email.open(value, { row: key })).toBe(`value ${key}`)
    } catch (error) {
      if (!(error instanceof UnknownKeyVersionError)) throw error
      expect(upToDate).toBe(false)
      this.seen.unknown++
      const opened = await ticked(by.email.openAsync(value, { row: key }).catch((failure: unknown) => failure))
      // Cured by one refresh, unless the store is down.
      if (isSecurityError(opened)) expect(opened.code).toBe('KEY_STORE_FAILED')
      else expect(opened).toBe(`value ${key}`)
    }
  }

  async readAll(by: Instance): Promise<void> {
    for (const { key } of this.table.rows) await this.read(by, key as number)
  }

  /** Seals every row anew, as re-encryption does. */
  async renew(by: Instance): Promise<void> {
    for (const { key, columns } of this.table.rows) {
      try {
        if (by.email.isStale(columns['email'] ?? '')) {
          columns['email'] = by.email.seal(by.email.open(columns['email'] ?? '', { row: key }), { row: key })
        }
      } catch (error) {
        expect(['KEYRING_STALE', 'KEY_VERSION_UNKNOWN']).toContain((error as { code?: string }).code)
        return
      }
    }
  }

  async rotate(by: Instance): Promise<void> {
    await this.attempt(async () => {
      await by.keyring.rotate()
      this.seen.rotated++
    }, ['KEY_STORE_FAILED'])
  }

  async destroy(by: Instance): Promise<void> {
    const version = by.keyring.versions().find(({ state }) => state !== 'destroyed')?.version ?? 1
    await this.attempt(async () => {
      await by.keyring.destroy(version, { sources: [{ fields: by.email, source: this.table }] })
      this.seen.destroyed++
    }, ['KEY_STORE_FAILED', 'KEY_DESTRUCTION_REFUSED'])
  }

  async attempt(work: () => Promise<unknown>, codes: readonly string[]): Promise<void> {
    const failure = await ticked(
      work().then(
        () => undefined,
        (error: unknown) => error,
      ),
    )
    if (failure === undefined) return
    if (!isSecurityError(failure)) throw failure as Error
    expect(codes).toContain(failure.code)
    this.seen.refused++
  }
}

/** Waits for something that may wait for a timer. */
async function ticked<T>(work: Promise<T>): Promise<T> {
  let done = false
  const watched = work.finally(() => {
    done = true
  })
  for (let i = 0; i < 50 && !done; i++) await vi.advanceTimersByTimeAsync(i < 5 ? 0 : 100)
  return watched
}

type Command = (world: World) => Promise<void>
const who = (instances: number) => fc.nat(instances - 1)
const by =
  (index: number, work: (world: World, instance: Instance) => Promise<void>): Command =>
  async (world) =>
    work(world, world.instances[index] ?? expect.unreachable())

function commands(instances: number): fc.Arbitrary<readonly (readonly [string, Command])[]> {
  const of = (name: string, work: (world: World, instance: Instance) => Promise<void>) =>
    who(instances).map((i) => [`${name} ${i}`, by(i, work)] as const)
  return fc.array(
    fc.oneof(
      { weight: 5, arbitrary: of('write', async (world, one) => world.write(one)) },
      {
        weight: 5,
        arbitrary: fc
          .integer({ min: 1, max: 90_000 })
          .map((ms) => [`wait ${ms}`, async () => void (await vi.advanceTimersByTimeAsync(ms))] as const),
      },
      { weight: 2, arbitrary: of('rotate', async (world, one) => world.rotate(one)) },
      { weight: 2, arbitrary: of('read', async (world, one) => world.readAll(one)) },
      { weight: 2, arbitrary: of('renew', async (world, one) => world.renew(one)) },
      { weight: 2, arbitrary: of('destroy', async (world, one) => world.destroy(one)) },
      {
        weight: 1,
        arbitrary: of('refresh', async (world, one) =>
          world.attempt(() => one.keyring.refresh(), ['KEY_STORE_FAILED']),
        ),
      },
      { weight: 1, arbitrary: of('outage', async (_, { store }) => store.failWith(new Error('down'))) },
      { weight: 2, arbitrary: of('back', async (_, { store }) => store.failWith(undefined)) },
      {
        weight: 1,
        arbitrary: of('restart', async ({ provider }, one) => {
          one.store.failWith(undefined)
          await one.start(provider)
        }),
      },
    ),
    { minLength: 20, maxLength: 60 },
  )
}

const plan = (skewed: boolean) =>
  fc.array(
    fc.record({
      refresh: fc.constantFrom(30_000, minute),
      // Less than half of the shortest interval.
      skew: skewed ? fc.integer({ min: -12_000, max: 12_000 }) : fc.constant(0),
    }),
    { minLength: 2, maxLength: 3 },
  )

test.each([
  ['one clock', false],
  ['clocks that differ', true],
])('no value is lost, and no live instance seals what another live one cannot open (%s)', async (_, skewed) => {
  const total = { sealed: 0, stale: 0, unknown: 0, rotated: 0, destroyed: 0, refused: 0 }
  const schedule = plan(skewed).chain((instances) => fc.tuple(fc.constant(instances), commands(instances.length)))
  await fc.assert(
    fc.asyncProperty(schedule, async ([instances, steps]) => {
      vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) })
      const world = new World(instances)
      try {
        for (const one of world.instances) await one.start(world.provider)
        for (const [name, step] of steps) {
          try {
            await step(world)
            // A reading that began in the background ends before it is counted as one.
            await vi.advanceTimersByTimeAsync(0)
          } catch (error) {
            throw new Error(`at '${name}'`, { cause: error })
          }
        }
        // The store is back, and after an interval everyone works with everything again.
        for (const { store } of world.instances) store.failWith(undefined)
        await vi.advanceTimersByTimeAsync(world.interval + 1)
        for (const one of world.instances) {
          const sealed = world.seen.sealed
          await world.write(one)
          expect(world.seen.sealed).toBe(sealed + 1)
          await world.readAll(one)
        }
        for (const [name, count] of Object.entries(world.seen)) total[name as keyof typeof total] += count
      } finally {
        for (const { keyring } of world.instances) keyring.close()
        vi.useRealTimers()
      }
    }),
    { numRuns: 250 },
  )
  // It was not idle.
  for (const [name, count] of Object.entries(total)) expect(count, name).toBeGreaterThan(5)
})
