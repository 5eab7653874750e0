import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { emails } from './inputs.mjs'
import { openOurs, staleTables } from './ours.mjs'

/**
 * Seal and open as one task a peer, each checked once before it is ever measured.
 *
 * @param {Record<string, { async?: boolean, seal: Function, open: Function }>} peers
 * @param {{ texts: string[], rows: string[] }} input as many as a power of two
 * @returns {Promise<import('../lib/measure.mjs').Task[]>}
 */
export async function roundTrips(peers, input) {
  const tasks = []
  for (const [name, peer] of Object.entries(peers)) {
    await check(name, peer, input)
    tasks.push(peer.async ? awaited(name, peer, input) : direct(name, peer, input))
  }
  return tasks
}

async function check(name, peer, { texts, rows }) {
  for (let i = 0; i < 3; i++) {
    const opened = await peer.open(await peer.seal(texts[i], rows[i]), rows[i])
    if (opened !== texts[i]) throw new Error(`${name} does not return what it was given`)
  }
}

function direct(name, { seal, open }, { texts, rows }) {
  const mask = texts.length - 1
  return { name, body: (i) => open(seal(texts[i & mask], rows[i & mask]), rows[i & mask]) }
}

function awaited(name, { seal, open }, { texts, rows }) {
  const mask = texts.length - 1
  const body = async (i) => open(await seal(texts[i & mask], rows[i & mask]), rows[i & mask])
  return { name, async: true, body }
}

/** The bare HMAC that a blind index is made of, and the index with and without a normaliser. */
export async function indexTasks() {
  const { keyring } = await openOurs('native')
  const field = keyring.field({ table: 'customers', column: 'email' })
  const key = createSecretKey(randomBytes(32))
  const exact = field.blindIndex({ name: 'exact', normalize: 'exact' })
  const email = field.blindIndex({ name: 'email', normalize: 'email' })
  const short = field.blindIndex({ name: 'short', normalize: 'email', bits: 16 })
  const { texts } = emails()
  const each = (name, work) => ({ name, body: (i) => work(texts[i & 1023]) })
  return [
    each('bare HMAC', (text) => createHmac('sha256', key).update(text).digest('base64url')),
    each('ours, exact', (text) => exact.current(text)),
    each('ours, email', (text) => email.current(text)),
    each('ours, email, 16 bits', (text) => short.current(text)),
  ]
}

/**
 * Re-encryption of tables with one and two sealed fields and with a searchable one, beside opening and sealing the same values by hand.
 *
 * @param {number} count rows of each table
 */
export async function reencryptTasks(count) {
  const { texts } = emails()
  const { byHand, tables } = await staleTables({
    texts: Array.from({ length: count }, (_, i) => texts[i % texts.length]),
    rows: Array.from({ length: count }, () => crypto.randomUUID()),
  })
  return [
    { name: 'open + seal by hand', async: true, body: byHand, per: count },
    ...tables.map(({ name, fields, run }) => ({ name: `ours, ${name}`, async: true, body: run, per: count * fields })),
  ]
}
