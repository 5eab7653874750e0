import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const told = new Set<string>()

/**
 * Where the tests find Postgres: the `POSTGRES_URL` variable. Without it the tests that need a server are skipped and one line says what
 * to install; with `REQUIRE_SERVICES=1`, as in `.ci/run`, a missing server is an error instead, so that nothing is skipped unseen.
 *
 * @returns a `postgres://` URL, or `undefined` when there is none.
 * @throws {Error} when there is none and `REQUIRE_SERVICES` is `1`.
 * @example
 * const url = postgresUrl()
 * describe.skipIf(!url)('the key store on Postgres', () => {})
 */
export function postgresUrl(): string | undefined {
  return (
    process.env['POSTGRES_URL'] ||
    missing({
      required: 'Postgres, but POSTGRES_URL is not set: start a server and set it',
      skipped: 'Tests on Postgres are skipped: apt-get install postgresql, start it, set POSTGRES_URL',
    })
  )
}

/**
 * Where the tests find Chromium: the `CHROMIUM_PATH` variable, or else `chromium` in the `PATH`. Without it the tests that need a browser
 * are skipped and one line says what to install; with `REQUIRE_SERVICES=1` a missing browser is an error instead.
 *
 * @returns the path of the program, or `undefined` when there is none.
 * @throws {Error} when there is none and `REQUIRE_SERVICES` is `1`.
 * @example
 * const chromium = chromiumPath()
 * describe.skipIf(!chromium)('strict, in Chromium', () => {})
 */
export function chromiumPath(): string | undefined {
  return (
    process.env['CHROMIUM_PATH'] ||
    programInPath('chromium') ||
    missing({
      required: 'Chromium, but there is none in the PATH: install it, or set CHROMIUM_PATH',
      skipped: 'Tests in Chromium are skipped: apt-get install chromium',
    })
  )
}

/**
 * Where the tests find the server of Redis: the `REDIS_SERVER_PATH` variable, or else `redis-server` in the `PATH`. Each test file starts servers
 * of its own. Without it the tests that need one are skipped and one line says what to install; with `REQUIRE_SERVICES=1` a missing server is an
 * error instead.
 *
 * @returns the path of the program, or `undefined` when there is none.
 * @throws {Error} when there is none and `REQUIRE_SERVICES` is `1`.
 * @example
 * const redisServer = redisServerPath()
 * describe.skipIf(!redisServer)('the limiter on Redis', () => {})
 */
export function redisServerPath(): string | undefined {
  return (
    process.env['REDIS_SERVER_PATH'] ||
    programInPath('redis-server') ||
    missing({
      required: 'Redis, but there is no redis-server in the PATH: install it, or set REDIS_SERVER_PATH',
      skipped: 'Tests on Redis are skipped: apt-get install redis-server',
    })
  )
}

/** Says once what to install, or throws where nothing may be skipped. */
function missing({ required, skipped }: { required: string; skipped: string }): undefined {
  if (process.env['REQUIRE_SERVICES'] === '1') throw new Error(`REQUIRE_SERVICES=1 asks for ${required}`)
  if (!told.has(skipped)) console.warn(skipped)
  told.add(skipped)
  return undefined
}

function programInPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
