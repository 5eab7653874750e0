// Runs on Node only, in an empty application: CommonJS can require() the packages, and gets the same modules as import does.
const assert = require('node:assert/strict')

const names = [
  '@mosaajii/core',
  '@mosaajii/core/testing',
  '@mosaajii/crypto',
  '@mosaajii/crypto/testing',
  '@mosaajii/headers',
  '@mosaajii/headers/express',
  '@mosaajii/headers/fastify',
  '@mosaajii/headers/hono',
  '@mosaajii/ratelimit',
  '@mosaajii/ratelimit/express',
  '@mosaajii/ratelimit/fastify',
  '@mosaajii/ratelimit/hono',
  '@mosaajii/ratelimit/redis',
  '@mosaajii/ratelimit/testing',
]

async function main() {
  for (const name of names) {
    const [required, imported] = [require(name), await import(name)]
    const exported = Object.keys(imported)
    assert.ok(exported.length > 0)
    for (const key of exported) assert.equal(required[key], imported[key], `${name}: ${key}`)
  }
  assert.ok(require('@mosaajii/crypto/vectors.json'))
  console.log('require()')
}

void main()
