import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Duration } from '@mosaajii/core'

/** What the environment may set. */
export interface Settings {
  /** Where to listen; 0 takes a free port. */
  readonly port: number
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
 * Reads the settings from the environment.
 *
 * @throws {RangeError} when a value is not one; the message says what to give, and never repeats a secret.
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const { MOSAAJII_SECRET: secret } = env
  return {
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

const defaultFolder = fileURLToPath(new URL('../.data', import.meta.url))

function whole(env: NodeJS.ProcessEnv, name: string, otherwise: number, min: number, max: number): number {
  const text = env[name]
  if (text === undefined || text === '') return otherwise
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new RangeError(`${name} must be a whole number from ${min} to ${max}`)
}
