// Bundled for a browser and run where `process` is missing, as in a Worker. No Node module may be needed.
import { SecurityError, discardEvents, toProblem } from '@mosaajii/core'
import { localKeyProvider, memoryKeyStore, openKeyring } from '@mosaajii/crypto'
import { compileHeaders, presets } from '@mosaajii/headers'
import { memoryStore, rateLimiter } from '@mosaajii/ratelimit'

const secret = crypto.getRandomValues(new Uint8Array(32))
const keyring = await openKeyring({
  provider: localKeyProvider({ secret }),
  store: memoryKeyStore(),
  events: discardEvents(),
})
const email = keyring.field({ table: 'customers', column: 'email' })
const sealed = email.seal('ada@example.com', { row: 7 })
const nonced = compileHeaders(presets.strict)
  .pairs()
  .some(([, value]) => /'nonce-[\w+/]{24}'/.test(value))
const rules = { till: { limit: 1, window: '1m', key: (till) => till, onStoreFailure: 'deny' } }
const limiter = rateLimiter({ rules, store: memoryStore() })
const [first, second] = [await limiter.check(['till'], 7), await limiter.check(['till'], 7)]
const limited = first.allowed && !second.allowed
const passed =
  nonced && limited && keyring.engine === 'portable' && email.open(sealed, { row: 7 }) === 'ada@example.com'
if (!passed || toProblem(new SecurityError('A', 'b')).status !== 500) throw new Error('the bundle does something else')
keyring.close()
console.log('bundled for a browser, on the portable engine')
