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
}

/**
 * Reads the settings from the environment and the command line.
 *
 * @throws {RangeError} when a value is not one; the message says what to give, and never repeats a secret.
 * @throws {TypeError} when the command line has an option that is not known.
 */
export function readSettings(env: NodeJS.ProcessEnv, args: readonly string[] = []): Settings {
  const { MOSAAJII_SECRET: secret } = env
  return {
    framework: readFramework(args, env['POS_FRAMEWORK']) ?? 'hono',
    ...tlsSettings(env),
    port: whole(env, 'PORT', 3000, 0, 65_535),
    data: resolve(env['POS_DATA'] ?? defaultFolder),
    ...(secret !== undefined && secret !== '' && { secret }),
    // The SDK's default is a minute. Here a rotated key becomes active after ten seconds, so that one can watch it.
    refresh: whole(env, 'POS_REFRESH_MS', 5000, 100, 86_400_000),
    seed: whole(env, 'POS_SEED', 3000, 0, 100_000),
    batch: whole(env, 'POS_REENCRYPT_BATCH', 100, 1, 10_000),
    pause: whole(env, 'POS_REENCRYPT_PAUSE_MS', 5, 0, 60_000),
    adminToken: randomBytes(24).toString('base64url'),
  }
}

/**
 * Reads which framework is wanted: `--framework=fastify`, or else what the environment says.
 *
 * @throws {RangeError} when it is none of the three.
 */
export function readFramework(args: readonly string[], otherwise?: string): FrameworkName | undefined {
  const { values } = parseArgs({ args: [...args], options: { framework: { type: 'string' } } })
  const wanted = values.framework ?? (otherwise || undefined)
  const known = frameworkNames.find((name) => name === wanted)
  if (wanted === undefined || known !== undefined) return known
  throw new RangeError(`the framework must be one of ${frameworkNames.join(', ')}: npm start -- --framework=fastify`)
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
