import { type Keyring, searchable, sealed } from '@mosaajii/crypto'

/** The keyrings of the shop. */
export interface Keyrings {
  /** Seals what is stored. */
  readonly lasting: Keyring
  /** Seals what only passes through memory. Its key is nowhere else, so it ends with the process. */
  readonly passing: Keyring
}

/** Says what the shop seals. Everything else about encryption follows from this. */
export function sealedTables({ lasting, passing }: Keyrings) {
  return {
    customers: lasting.table('customers', {
      row: 'id',
      fields: {
        name: sealed(),
        email: searchable({ normalize: 'email' }),
        phone: sealed({ nullable: true }),
      },
    }),
    payments: lasting.table('payments', { row: 'id', fields: { pan: sealed() } }),
    // Never stored: it waits in memory until the acquirer has answered, and after five minutes it does not open.
    cvv: passing.transient({ table: 'payments', column: 'cvv', ttl: '5m' }),
  }
}

/** The shop's sealed tables. */
export type SealedTables = ReturnType<typeof sealedTables>
