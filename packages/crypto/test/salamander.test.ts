import {
  type Algorithm,
  DecryptError,
  type FieldDefinition,
  type Keyring,
  type KeyProvider,
  memoryKeyStore,
} from '@mosaajii/crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { formatVersion } from '../src/format.ts'
import { commitment, xaesSubkey } from './support/kc-xaes-reference.ts'
import { testKeyring, thrown } from './support/keyrings.ts'
import { salamander } from './support/salamander.ts'
import { aadOf, header } from './vectors/format.ts'

const row = 'receipt-7'
const place = { table: 'receipts', column: 'photo' }
const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX')
const both: readonly Algorithm[] = ['KC-XAES-256-GCM', 'XAES-256-GCM']

/** Keeps keys as they are and remembers them: an attacker who chose both keys knows them too. */
function openProvider(keys: Uint8Array[]): KeyProvider {
  return {
    id: 'open',
    wrap: async (record, { purpose }) => {
      if (purpose === 'data') keys.push(record.slice(-32))
      return record.slice()
    },
    unwrap: async (wrapped) => wrapped.slice(),
  }
}

describe.each(['native', 'portable'] as const)(
  'a ciphertext that is valid under two keys, on the %s engine',
  (engine) => {
    const keys: Uint8Array[] = []
    let a: Keyring
    let b: Keyring

    beforeAll(async () => {
      a = (await testKeyring({ engine, provider: openProvider(keys), store: memoryKeyStore() })).keyring
      b = (await testKeyring({ engine, provider: openProvider(keys), store: memoryKeyStore() })).keyring
    })

    /** The salamander under the XAES subkeys of both keyrings, with the context that a field of this algorithm has. */
    function forge(algorithmId: 1 | 2): { body: Buffer; head: Buffer } {
      const [keyA, keyB] = keys as [Uint8Array, Uint8Array]
      const aad = aadOf(algorithmId, 1, { kind: 'bytes', tenant: null, schema: null, ...place, row })
      const { ciphertext, tag } = salamander({
        keyA: xaesSubkey(keyA, nonce),
        keyB: xaesSubkey(keyB, nonce),
        nonce: nonce.subarray(12),
        aadA: aad,
        aadB: aad,
        textA: Buffer.from('harmless receipt'),
        textB: Buffer.from('the other text!!'),
      })
      return { body: Buffer.concat([ciphertext, tag]), head: Buffer.concat([header(algorithmId, 1), nonce]) }
    }

    const open = (keyring: Keyring, bytes: Buffer, definition: Partial<FieldDefinition> = {}) =>
      keyring.field({ ...place, ...definition }).openBytes(bytes.toString('base64url'), { row })

    it('is real: plain XAES opens it under both, to different bytes', () => {
      const { head, body } = forge(2)
      const token = Buffer.concat([head, body])
      expect(head[0]).toBe(formatVersion)
      const [one, two] = [a, b].map((keyring) => open(keyring, token, { algorithms: ['XAES-256-GCM'] })) as [
        Uint8Array,
        Uint8Array,
      ]
      expect(Buffer.from(one).subarray(0, 16).toString()).toBe('harmless receipt')
      expect(Buffer.from(two).subarray(16, 32).toString()).toBe('the other text!!')
      expect(one).not.toEqual(two)
    })

    it('opens under one key at most with the commitment, whichever commitment it carries', () => {
      const { head, body } = forge(1)
      for (const [owner, other, key] of [
        [a, b, keys[0]],
        [b, a, keys[1]],
      ] as const) {
        const token = Buffer.concat([head, body, commitment(key as Uint8Array, nonce)])
        expect(open(owner, token).length).toBe(48)
        expect(thrown(() => open(other, token))).toBeInstanceOf(DecryptError)
      }
    })

    it('is refused when it is relabelled as plain XAES, with and without its commitment', () => {
      const { body } = forge(1)
      const plainHead = Buffer.concat([header(2, 1), nonce])
      for (const keyring of [a, b]) {
        for (const tail of [Buffer.alloc(0), commitment(keys[0] as Uint8Array, nonce)]) {
          const token = Buffer.concat([plainHead, body, tail])
          expect(thrown(() => open(keyring, token))).toBeInstanceOf(DecryptError)
          expect(thrown(() => open(keyring, token, { algorithms: both }))).toBeInstanceOf(DecryptError)
        }
      }
    })

    it('is refused as real plain XAES by every field that does not ask for that', () => {
      const { head, body } = forge(2)
      for (const keyring of [a, b])
        expect(thrown(() => open(keyring, Buffer.concat([head, body])))).toBeInstanceOf(DecryptError)
    })
  },
)
