import { type Clock, type Duration, type EventSink, systemClock } from '@mosaajii/core'
import {
  type Keyring,
  type KeyProvider,
  type KeyStore,
  localKeyProvider,
  memoryKeyStore,
  openKeyring,
} from '@mosaajii/crypto'
import { type Acquirer, standInAcquirer } from './acquirer.ts'
import { type Customers, customers } from './customers.ts'
import { openDatabase } from './database.ts'
import { type Keys, keys } from './keys.ts'
import { type Payments, payments } from './payments.ts'
import { type Receipts, receipts } from './receipts.ts'
import { type Reencryption, reencryption } from './reencryption.ts'
import { sealedTables } from './sealed-tables.ts'

/** The shop's domain. It knows no web framework: Express, Fastify and Hono are ways to reach it. */
export interface Shop {
  readonly customers: Customers
  readonly payments: Payments
  readonly receipts: Receipts
  readonly keys: Keys
  readonly reencryption: Reencryption
  readonly clock: Clock
  /** Ends the background work, the keyring and the database. */
  close(): Promise<void>
}

/** What {@link openShop} is made of. */
export interface ShopOptions {
  /** The database file, or `:memory:`. */
  readonly database: string
  readonly provider: KeyProvider
  readonly store: KeyStore
  readonly events: EventSink
  /** How often the keyring reads its store. A rotated key becomes active after twice this time. */
  readonly refresh: Duration
  readonly clock?: Clock
  /** Default: a stand-in in this process. */
  readonly acquirer?: Acquirer
  /** Rows that the re-encryption reads at once. Default 100. */
  readonly batch?: number
  /** Milliseconds that it rests after each batch. Default 5. */
  readonly pause?: number
}

/** Opens the shop. */
export async function openShop(options: ShopOptions): Promise<Shop> {
  const { database, provider, store, events, refresh, clock = systemClock, batch = 100, pause = 5 } = options
  const { acquirer = standInAcquirer(clock) } = options
  const keyring = await openKeyring({ provider, store, events, refresh, clock, rotateAfter: '90d' })
  const passing = await passingKeyring(events, clock)
  const tables = sealedTables({ lasting: keyring, passing })
  // From here on no key can be destroyed without counting the rows of every field above.
  await keyring.recorded()
  const db = await openDatabase(database)
  const issued = receipts({ db, clock })
  const moving = await reencryption({ db, keyring, tables, batch, pause })
  return {
    customers: customers({ db, tables, clock }),
    payments: payments({ db, keyring, tables, receipts: issued, acquirer, clock }),
    receipts: issued,
    keys: keys({ db, keyring, tables }),
    reencryption: moving,
    clock,
    close: async () => {
      await moving.stop()
      keyring.close()
      passing.close()
      await db.destroy()
    },
  }
}

/**
 * A keyring that is in this process's memory alone. Card verification values pass through it; a keyring that is stored would keep its old
 * keys for an hour for their sake.
 */
async function passingKeyring(events: EventSink, clock: Clock): Promise<Keyring> {
  const secret = globalThis.crypto.getRandomValues(new Uint8Array(32))
  return openKeyring({ id: 'passing', provider: localKeyProvider({ secret }), store: memoryKeyStore(), events, clock })
}
