import { checkOptions } from '@mosaajii/core'
import type { Cluster, Redis } from 'ioredis'
import { ownOf } from '../checks.ts'
import { Calls } from '../redis/calls.ts'
import { checkClient } from '../redis/client.ts'
import { ClusterWindows, nodesOf } from '../redis/cluster.ts'
import { Connection, type Nodes } from '../redis/connection.ts'
import { DenyCache } from '../redis/deny-cache.ts'
import { KeyNames } from '../redis/key-names.ts'
import { SingleWindows } from '../redis/single.ts'
import type { OpenWindows, WindowRule, WindowStore } from '../window-store.ts'

/** How {@link redisStore} keeps counters. */
export interface RedisStoreOptions {
  /** A client of ioredis 5.11 or 6: `Redis`, also with Sentinels, or `Cluster`, with the settings of `limiterRedisOptions`. */
  readonly client: Redis | Cluster
  /** What the names of all keys begin with. 1 to 64 letters, digits and `_ . : -`. Default `rl`. */
  readonly prefix?: string
  /** How long a call waits for Redis, in milliseconds, 1 to 10000. Default 25. */
  readonly deadline?: number
  /** After how many failures in a row calls fail at once, 1 to 1000. Default 3. */
  readonly failures?: number
  /** How often Redis is then asked whether it answers again, in milliseconds, 10 to 60000, for the first time at once. Default 200. */
  readonly probeEvery?: number
  /**
   * Remembers refusals for up to a second, and says no again without asking Redis. What other processes give back or unblock meanwhile is not seen.
   * Default `false`.
   */
  readonly denyCache?: boolean
  /** At least 16 bytes that key the hash of subjects, so that who reads the server's memory cannot try addresses. The same in all processes. */
  readonly secret?: string | Uint8Array
}

const optionNames: readonly (keyof RedisStoreOptions)[] = [
  'client',
  'prefix',
  'deadline',
  'failures',
  'probeEvery',
  'denyCache',
  'secret',
]

/**
 * Keeps counters in Redis 7.0 or newer, or a server that speaks the same language: for several processes, and for counters that live longer than
 * a process. Each call is one script, atomic over all of its counters.
 *
 * Time is the server's. A counter's own time never goes back, also when the server's clock does.
 *
 * @returns a store that several limiters may open, if their rules have different names or they are to share counters.
 * @throws {TypeError | RangeError} when an option is wrong, or the client would wait for Redis or send a call twice.
 * @example
 * const client = new Redis('redis://127.0.0.1:6379', { ...limiterRedisOptions })
 * const limiter = rateLimiter({ rules, store: redisStore({ client }) })
 */
export function redisStore(options: RedisStoreOptions): WindowStore {
  checkOptions(options, 'redisStore', optionNames)
  const {
    client,
    prefix = 'rl',
    deadline = 25,
    failures = 3,
    probeEvery = 200,
    denyCache = false,
    secret,
  } = ownOf(options)
  checkClient(client)
  checkPrefix(prefix)
  checkNumber(deadline, 1, 10_000, 'deadline')
  checkNumber(failures, 1, 1000, 'failures')
  checkNumber(probeEvery, 10, 60_000, 'probeEvery')
  if (typeof denyCache !== 'boolean') throw new TypeError('redisStore: denyCache: give true or false')
  checkSecret(secret)
  const names = new KeyNames(prefix, typeof secret === 'object' ? Uint8Array.from(secret) : secret)
  const connection = new Connection(
    client,
    { deadline, failures, probeEvery },
    isCluster(client) ? nodesOf(client) : oneNode,
  )
  return Object.freeze({
    open(rules: readonly WindowRule[]): OpenWindows {
      const calls = new Calls(connection, names, rules)
      const windows = isCluster(client) ? new ClusterWindows(calls) : new SingleWindows(calls)
      return denyCache ? new DenyCache(windows, () => performance.now()) : windows
    },
  })
}

const oneNode: Nodes = { of: () => '', lookAgain: () => undefined }

function isCluster(client: Redis | Cluster): client is Cluster {
  return client.isCluster
}

function checkPrefix(prefix: unknown): void {
  if (typeof prefix !== 'string' || !/^[\w.:-]{1,64}$/.test(prefix)) {
    throw new TypeError('redisStore: prefix: give 1 to 64 letters, digits and _ . : -')
  }
}

function checkNumber(value: unknown, least: number, most: number, name: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    throw new RangeError(`redisStore: ${name}: give a whole number from ${least} to ${most}`)
  }
}

function checkSecret(secret: unknown): void {
  if (secret === undefined) return
  const isKey = typeof secret === 'string' || secret instanceof Uint8Array
  if (!isKey) throw new TypeError('redisStore: secret: give a string or bytes')
  if (secret.length < 16) throw new RangeError('redisStore: secret: give at least 16 bytes')
}
