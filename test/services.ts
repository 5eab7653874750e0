let told = false

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
  const url = process.env['POSTGRES_URL']
  if (url) return url
  if (process.env['REQUIRE_SERVICES'] === '1') {
    throw new Error('REQUIRE_SERVICES=1 asks for Postgres, but POSTGRES_URL is not set: start a server and set it')
  }
  if (!told) console.warn('Tests on Postgres are skipped: apt-get install postgresql, start it, set POSTGRES_URL')
  told = true
  return undefined
}
