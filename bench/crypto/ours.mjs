import { Cipheriv, randomBytes } from 'node:crypto'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { discardEvents } from '@mosaajii/core'
import { localKeyProvider, memoryKeyStore, openKeyring, reencrypt, searchable, sealed } from '@mosaajii/crypto'

/** A clock that runs, and that can be put forward: a rotation takes effect only after two refresh intervals. */
function movableClock() {
  let ahead = 0
  return { now: () => Date.now() + ahead, forward: (ms) => (ahead += ms) }
}

/** A keyring as an application opens it, except that its audit log is switched off. */
export async function openOurs(engine) {
  const clock = movableClock()
  const keyring = await openKeyring({
    provider: localKeyProvider({ secret: new Uint8Array(randomBytes(32)) }),
    store: memoryKeyStore(),
    events: discardEvents(),
    engine,
    clock,
  })
  const rotate = async () => {
    await keyring.rotate()
    clock.forward(10 * 60 * 1000)
    await keyring.refresh()
  }
  return { keyring, rotate }
}

/** `customers.email` as a peer: the context is the definition's table and column and the row of each call. */
export function fieldPeer(keyring) {
  const field = keyring.field({ table: 'customers', column: 'email' })
  return {
    seal: (text, row) => field.seal(text, { row }),
    open: (sealedText, row) => field.open(sealedText, { row }),
  }
}

/** The length of the AAD that one seal really passes, so that the bare primitive gets one as long. */
export function observedAadLength(peer, row) {
  const { setAAD } = Cipheriv.prototype
  let length = 0
  Cipheriv.prototype.setAAD = function observe(aad, ...rest) {
    length += aad.byteLength
    return setAAD.call(this, aad, ...rest)
  }
  try {
    peer.seal('observed', row)
  } finally {
    Cipheriv.prototype.setAAD = setAAD
  }
  if (length === 0) throw new Error('no AAD was seen: is this the native engine?')
  return length
}

const PAGE = 200

const COLUMNS = {
  one: { email: sealed() },
  two: { email: sealed(), phone: sealed() },
  searchable: { email: searchable({ normalize: 'email' }) },
}

/**
 * Tables whose rows are all stale, and what moves them to the active key.
 *
 * @param {{ texts: string[], rows: string[] }} set the values and their rows
 */
export async function staleTables({ texts, rows }) {
  const { keyring, rotate } = await openOurs('native')
  const tables = Object.entries(COLUMNS).map(([name, fields]) => ({
    name,
    fields: Object.keys(fields).length,
    sealedTable: keyring.table(`customers_${name}`, { row: 'id', fields }),
  }))
  for (const each of tables) {
    each.source = memorySource(
      rows.map((id, i) => each.sealedTable.seal({ id, email: texts[i], ...(each.fields > 1 && { phone: texts[i] }) })),
    )
  }
  const field = keyring.field({ table: 'customers', column: 'email' })
  const old = rows.map((row, i) => field.seal(texts[i], { row }))
  await rotate()
  return {
    byHand: byHand({ field, old, rows }),
    tables: tables.map((each) => ({ ...each, run: () => moveAll(keyring, each) })),
  }
}

/** What re-encryption can not do without: open each old value, seal it anew, keep it; with a turn of the event loop a page. */
function byHand({ field, old, rows }) {
  const fresh = [...old]
  return async () => {
    for (let i = 0; i < rows.length; i++) {
      if (i % PAGE === 0) await turnOfTheLoop()
      const at = { row: rows[i] }
      fresh[i] = field.seal(field.open(old[i], at), at)
    }
  }
}

async function moveAll(keyring, { sealedTable, source }) {
  source.makeStale()
  let last
  for await (const progress of reencrypt({ keyring, table: sealedTable, source, batch: PAGE })) last = progress
  if (!last.done || source.updates() !== source.size)
    throw new Error(`moved ${source.updates()} of ${source.size} rows`)
}

/** The port on an array, ascending by key, that can be put back to where it began. It updates in place: a table is no garbage. */
function memorySource(records) {
  const first = records.map(({ id, ...columns }) => ({ key: id, columns })).sort((a, b) => (a.key < b.key ? -1 : 1))
  const now = first.map(({ key, columns }) => ({ key, columns: { ...columns } }))
  const indexOf = new Map(now.map(({ key }, at) => [key, at]))
  let updates = 0
  return {
    size: now.length,
    updates: () => updates,
    makeStale() {
      for (const [at, { columns }] of first.entries()) Object.assign(now[at].columns, columns)
      updates = 0
    },
    async page(after, limit) {
      // As a database does, it answers from the event loop.
      await turnOfTheLoop()
      const from = after === undefined ? 0 : indexOf.get(after) + 1
      return now.slice(from, from + limit)
    },
    async update(key, expected, set) {
      const { columns } = now[indexOf.get(key)]
      for (const name in expected) if (columns[name] !== expected[name]) return false
      Object.assign(columns, set)
      updates++
      return true
    },
  }
}
