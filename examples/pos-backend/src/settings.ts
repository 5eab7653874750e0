import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Duration } from '@mosaajii/core'
import { type FrameworkName, frameworkNames } from './http/framework.ts'

/** What the command line and the environment may set. */
export interface Settings {
  readonly framework: FrameworkName
  /** Where to listen; 0 takes a free port. */
  readonly port: number
  /** The files of a certificate and its key, PEM; with them the shop is served over https. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  /** With https: where plain http is redirected from; 0 takes a free port. */
  readonly httpPort?: number
  /** The folder of the database, the keys, the secret and the events. */
  readonly data: string
  /** The secret of the local key provider, 32 bytes as base64url; absent: it is kept in a file. */
  readonly secret?: string
  readonly refresh: Duration
  /** How many customers an empty shop is seeded with. */
  readonly seed: number
  /** Rows that the re-encryption reads at once, and how many milliseconds it rests after them. */
  readonly batch: number
  readonly pause: number
  readonly adminToken: string
  /** How many requests an address may send in 15 minutes, and how many of them to the API in a minute. */
  readonly limits: { readonly global: number; readonly api: number }
  /** Where the limits are counted; absent: in the memory of this process. */
  readonly redis?: { readonly url: string; readonly prefix: string }
}

/**
 * Reads the settings from the environment and the command line.
 *
 * @throws {RangeError} when a value is not one; the message says what to give, and never repeats a secret.
 * @throws {TypeError} when the command line has an option that is not known.
 */
export function readSettings(env: NodeJS.ProcessEnv, args: readonly string[] = []): Settings {
  const { MOSAAJII_SECRET: secret } = env
  const redis = readRedis(args, env)
  return {
    framework: readFramework(args, env['POS_FRAMEWORK']) ?? 'hono',
    ...tlsSettings(env),
    ...(redis && { redis }),
    port: whole(env, 'PORT', 3000, 0, 65_535),
    data: resolve(env['POS_DATA'] ?? defaultFolder),
    ...(secret !== undefined && secret !== '' && { secret }),
    // The SDK's default is a minute. Here a rotated key becomes active after ten seconds, so that one can watch it.
    refresh: whole(env, 'POS_REFRESH_MS', 5000, 100, 86_400_000),
    seed: whole(env, 'POS_SEED', 3000, 0, 100_000),
    batch: whole(env, 'POS_REENCRYPT_BATCH', 100, 1, 10_000),
    pause: whole(env, 'POS_REENCRYPT_PAUSE_MS', 5, 0, 60_000),
    adminToken: randomBytes(24).toString('base64url'),
    // Those of the operations manual.
    limits: {
      global: whole(env, 'POS_GLOBAL_LIMIT', 1000, 1, 1_000_000),
      api: whole(env, 'POS_API_LIMIT', 100, 1, 1_000_000),
    },
  }
}

/**
 * Reads which framework is wanted: `--framework=fastify`, or else what the environment says.
 *
 * @throws {RangeError} when it is none of the three.
 */
export function readFramework(args: readonly string[], otherwise?: string): FrameworkName | undefined {
  const wanted = readArguments(args).framework ?? (otherwise || undefined)
  const known = frameworkNames.find((name) => name === wanted)
  if (wanted === undefined || known !== undefined) return known
  throw new RangeError(`the framework must be one of ${frameworkNames.join(', ')}: npm start -- --framework=fastify`)
}

function readArguments(args: readonly string[]): { readonly framework?: string; readonly redis?: string } {
  return parseArgs({ args: [...args], options: { framework: { type: 'string' }, redis: { type: 'string' } } }).values
}

/**
 * Reads which Redis counts for the limits: `--redis=redis://127.0.0.1:6379`, or else what the environment says.
 *
 * @throws {RangeError} when it is no address of one; the message does not repeat it, as it may hold a password.
 */
export function readRedis(args: readonly string[], env: NodeJS.ProcessEnv): Settings['redis'] {
  const { POS_REDIS = '', POS_REDIS_PREFIX: prefix = '' } = env
  const url = readArguments(args).redis ?? POS_REDIS
  if (url === '') return undefined
  if (!URL.canParse(url) || !/^rediss?:\/\//.test(url)) {
    throw new RangeError(
      'the address of Redis must begin with redis:// or rediss://: npm start -- --redis=redis://127.0.0.1:6379',
    )
  }
  const { pathname, search, hash } = new URL(url)
  // Else half of a password would be taken for the host, and told as one.
  if (`${pathname}${search}${hash}`.includes('@')) {
    throw new RangeError('the address of Redis: write / ? and # in a password as %2F %3F and %23')
  }
  return { url, prefix: prefix || 'pos' }
}

function tlsSettings(env: NodeJS.ProcessEnv): Pick<Settings, 'tls' | 'httpPort'> {
  const { POS_TLS_CERT: certFile = '', POS_TLS_KEY: keyFile = '', POS_HTTP_PORT: httpPort = '' } = env
  if (certFile === '' && keyFile === '') {
    if (httpPort === '') return {}
    throw new RangeError('POS_HTTP_PORT redirects to https: give POS_TLS_CERT and POS_TLS_KEY too')
  }
  if (certFile === '' || keyFile === '')
    throw new RangeError('give both POS_TLS_CERT and POS_TLS_KEY, paths of PEM files')
  const tls = { certFile, keyFile }
  return httpPort === '' ? { tls } : { tls, httpPort: whole(env, 'POS_HTTP_PORT', 0, 0, 65_535) }
}

const defaultFolder = fileURLToPath(new URL('../.data', import.meta.url))

function whole(env: NodeJS.ProcessEnv, name: string, otherwise: number, min: number, max: number): number {
  const text = env[name]
  if (text === undefined || text === '') return otherwise
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new RangeError(`${name} must be a whole number from ${min} to ${max}`)
}
