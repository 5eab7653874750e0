// Runs in an empty application on every runtime. Prints one line.
import assert from 'node:assert/strict'
import { duration, isSecurityError, SecurityError, toProblem } from '@mosaajii/core'
import { recordingSink, settableClock } from '@mosaajii/core/testing'
import { localKeyProvider, memoryKeyStore, openKeyring } from '@mosaajii/crypto'
import { checkVectors } from '@mosaajii/crypto/testing'
import published from '@mosaajii/crypto/vectors.json' with { type: 'json' }
import { memoryStore, presets, RateLimitError, rateLimiter } from '@mosaajii/ratelimit'
import { redisStore } from '@mosaajii/ratelimit/redis'
import { windowStoreContract } from '@mosaajii/ratelimit/testing'

const engines = ['native', 'portable']

core()
const keyrings = await openEach()
for (const writer of keyrings) for (const reader of keyrings) await roundTrip(writer, reader)
for (const keyring of keyrings) refusals(keyring)
const vectors = engines.map((engine) => checkVectors(published, engine))
for (const { vectors: passed } of vectors) assert.ok(passed >= 50)
for (const keyring of keyrings) keyring.close()
await limits()
const limitCases = await limitContract()
console.log(
  `basics on both engines, ${vectors.map((checked) => `${checked.vectors} ${checked.engine}`).join(' and ')} vectors, ${limitCases} cases of limits`,
)

function core() {
  assert.equal(duration('90d'), 7_776_000_000)
  const error = new SecurityError('ORDER_LOCKED', 'not for clients', { status: 409, cause: new Error('nor this') })
  assert.equal(isSecurityError(error), true)
  assert.doesNotMatch(JSON.stringify(toProblem(error)), /not for clients|nor this/)
  const clock = settableClock(0)
  clock.advance('1s')
  assert.equal(clock.now(), 1000)
}

/** Two instances of one application on one store, one on each engine. */
async function openEach() {
  const secret = crypto.getRandomValues(new Uint8Array(32))
  const store = memoryKeyStore()
  const opened = []
  for (const engine of engines) {
    const events = recordingSink()
    const keyring = await openKeyring({ provider: localKeyProvider({ secret }), store, events, engine })
    assert.equal(keyring.engine, engine)
    assert.ok(events.named('keyring.unwrap').length > 0, 'the use of the key was recorded')
    opened.push(keyring)
  }
  return opened
}

async function roundTrip(writer, reader) {
  const definition = { table: 'customers', column: 'note' }
  const [from, to] = [writer.field(definition), reader.field(definition)]
  for (const text of ['', 'ada@example.com', 'Zoë \u{1f511}', 'x'.repeat(65_536)]) {
    const sealed = from.seal(text, { row: 7 })
    assert.ok(text === '' || !sealed.includes(text))
    assert.equal(to.open(sealed, { row: '7' }), text)
    assert.equal(await to.openAsync(sealed, { row: 7n }), text)
  }
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
  assert.deepEqual([...to.openBytes(from.sealBytes(bytes, { row: 7 }), { row: 7 })], [...bytes])
}

/** Every changed character, and every other row or column, is refused with the same error. */
function refusals(keyring) {
  const email = keyring.field({ table: 'customers', column: 'email' })
  const sealed = email.seal('ada@example.com', { row: 7 })
  for (let i = 0; i < sealed.length; i++) {
    const changed = sealed.slice(0, i) + (sealed[i] === 'A' ? 'B' : 'A') + sealed.slice(i + 1)
    // The four bytes of the key version are a public header: another version is unknown rather than wrong.
    const codes = i < 8 ? ['DECRYPT_FAILED', 'KEY_VERSION_UNKNOWN'] : ['DECRYPT_FAILED']
    assert.throws(
      () => email.open(changed, { row: 7 }),
      (error) => isSecurityError(error) && codes.includes(error.code),
    )
  }
  const failed = { code: 'DECRYPT_FAILED' }
  assert.throws(() => email.open(sealed, { row: 8 }), failed)
  assert.throws(() => keyring.field({ table: 'customers', column: 'phone' }).open(sealed, { row: 7 }), failed)
}

/** Five tries in any fifteen minutes, and a sixth that waits. */
async function limits() {
  const clock = settableClock(1_000_000)
  const events = recordingSink()
  const subject = { ip: '192.0.2.7', account: 'ada' }
  const rules = presets.manual({ address: ({ ip }) => ip, account: ({ account }) => account })
  const limiter = rateLimiter({ rules, store: memoryStore({ clock }), events })
  for (let tried = 1; tried <= 5; tried++) {
    const decision = await limiter.check(['authentication'], subject)
    assert.equal(decision.allowed, true)
    assert.equal(decision.rules.authentication.remaining, 5 - tried)
    clock.advance('1s')
  }
  const refused = await limiter.check(['authentication'], subject)
  assert.deepEqual(refused.violated, ['authentication'])
  assert.equal(refused.retryAfterMs, 895_000)
  clock.advance(895_000)
  assert.equal((await limiter.check(['authentication'], subject)).allowed, true)
  assert.equal((await limiter.check(['authentication'], subject)).allowed, false)
  assert.doesNotMatch(JSON.stringify(events.named('ratelimit.refused')), /192\.0\.2\.7|ada/)
  await assert.rejects(limiter.check(['global'], { account: 'ada' }), RateLimitError)
  // The entry for Redis needs no client installed, only one handed over.
  assert.throws(() => redisStore({ client: {} }), TypeError)
}

async function limitContract() {
  let clock
  const make = () => {
    clock = settableClock(1_000_000)
    return memoryStore({ clock })
  }
  const cases = windowStoreContract({ make, advance: (ms) => clock.advance(ms) })
  for (const { run } of cases) await run()
  return cases.length
}
