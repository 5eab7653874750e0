// Compiled as CommonJS, where the compiler knows that Node can require() ES modules. The workspace's own tsconfig leaves it out.
import core = require('@mosaajii/core')
import crypto = require('@mosaajii/crypto')

const hour: number = core.duration('1h')
const store: crypto.KeyStore = crypto.memoryKeyStore()

export = { hour, store }
