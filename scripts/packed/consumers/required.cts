// Compiled as CommonJS, where the compiler knows that Node can require() ES modules. The workspace's own tsconfig leaves it out.
import core = require('@mosaajii/core')
import crypto = require('@mosaajii/crypto')
import headers = require('@mosaajii/headers')

const hour: number = core.duration('1h')
const store: crypto.KeyStore = crypto.memoryKeyStore()

const usesNonce: boolean = headers.compileHeaders(headers.presets.api).usesNonce

export = { hour, store, usesNonce }
