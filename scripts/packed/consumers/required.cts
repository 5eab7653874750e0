// Compiled as CommonJS, where the compiler knows that Node can require() ES modules. The workspace's own tsconfig leaves it out.
import core = require('@mosaajii/core')
import crypto = require('@mosaajii/crypto')
import headers = require('@mosaajii/headers')
import ratelimit = require('@mosaajii/ratelimit')

const hour: number = core.duration('1h')
const store: crypto.KeyStore = crypto.memoryKeyStore()

const usesNonce: boolean = headers.compileHeaders(headers.presets.api).usesNonce

const key = (till: number): number => till
const rules = { till: { limit: 5, window: '1m', key, onStoreFailure: 'deny' } } as const
const limit: number = ratelimit.rateLimiter({ rules, store: ratelimit.memoryStore() }).rules.till.limit

export = { hour, store, usesNonce, limit }
