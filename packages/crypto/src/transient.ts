import { type Duration, duration } from '@mosaajii/core'
import { ContextTemplate } from './context.ts'
import { cryptoError, type DecryptError } from './errors.ts'
import { type CheckedField, checkField, type FieldDefinition } from './field-definition.ts'
import { afterRefresh, checkText, keyFor, openFailed, openIn, type RowContext } from './field.ts'
import type { KeyringCore } from './keyring-core.ts'
import { rowText } from './row.ts'
import { decodeToken, isSealedHere, type Sealed } from './token.ts'

/** What a transient field is. */
export interface TransientDefinition extends Omit<FieldDefinition, 'formerly'> {
  /** How long a value opens, at most one hour. */
  readonly ttl: Duration
}

/**
 * A field for sensitive authentication data before authorisation (PCI DSS 3.3.2): its values stop opening when they expire. Expiry is not
 * deletion: delete the row as soon as the payment is authorised.
 */
export interface TransientField {
  /** Seals text, at most 64 KiB of UTF-8, with its expiry: now plus `ttl`. */
  seal(text: string, context: RowContext): Sealed
  /** @throws {DecryptError} also when the value has expired. */
  open(sealed: string, context: RowContext): string
  openAsync(sealed: string, context: RowContext): Promise<string>
}

const hourMs = 3_600_000
const expiryLength = 8

/** The implementation of {@link TransientField}. Internal. */
export class TransientSealingField implements TransientField {
  readonly #core: KeyringCore
  readonly #checked: CheckedField
  readonly #ttl: number
  readonly #context: ContextTemplate

  constructor(core: KeyringCore, definition: TransientDefinition) {
    this.#core = core
    this.#checked = checkField(definition, 'transient', 'keyring.transient')
    this.#ttl = duration(definition.ttl)
    if (this.#ttl > hourMs) throw new RangeError("keyring.transient: ttl is at most '1h'")
    const { place } = this.#checked
    this.#context = new ContextTemplate(core.engine, 'transient', place)
    core.register({
      use: 'transient',
      ttl: this.#ttl,
      ...(place.tenant !== undefined && { tenant: place.tenant }),
      table: place.table,
      column: place.column,
      ...(place.schema !== undefined && { schema: place.schema }),
    })
  }

  seal(text: string, context: RowContext): Sealed {
    checkText(text, this.#core)
    if (isSealedHere(this.#core, text))
      throw cryptoError('ALREADY_SEALED', 'seal: the value is already sealed by this keyring')
    const row = rowText(context?.row)
    const { engine, clock } = this.#core
    const plaintext = engine.allocate(expiryLength + engine.utf8Length(text))
    new DataView(plaintext.buffer, plaintext.byteOffset).setBigUint64(0, BigInt(clock.now() + this.#ttl))
    engine.writeUtf8(plaintext, text, expiryLength)
    const { version, cipher } = this.#core.sealingKey()
    const algorithmId = this.#checked.algorithmIds[0] as number
    const sealed = cipher.seal(algorithmId, this.#context.for(algorithmId, version, row), plaintext) as Sealed
    plaintext.fill(0)
    return sealed
  }

  open(sealed: string, context: RowContext): string {
    const outcome = this.#tryOpen(sealed, rowText(context?.row))
    if (typeof outcome === 'string') return outcome
    throw this.#failed(outcome)
  }

  async openAsync(sealed: string, context: RowContext): Promise<string> {
    const row = context?.row
    return afterRefresh(this.#core, () => this.open(sealed, { row }))
  }

  #failed(outcome: { reason: string; keyVersion?: number }): DecryptError {
    return openFailed(this.#core, this.#checked.place, outcome)
  }

  #tryOpen(sealed: string, row: string): string | { reason: string; keyVersion?: number } {
    const token = decodeToken(this.#core.engine, sealed)
    if (!token) return { reason: 'not a token' }
    const { keyVersion } = token
    if (!this.#checked.algorithmIds.includes(token.algorithmId)) return { reason: 'algorithm not allowed', keyVersion }
    const key = keyFor(this.#core, token)
    if (key === 'destroyed') return { reason: 'key destroyed', keyVersion }
    const plaintext = openIn(this.#context, token, key, row)
    if (!plaintext || plaintext.length < expiryLength) return { reason: 'does not verify', keyVersion }
    if (!this.#isAlive(plaintext)) return { reason: 'expired', keyVersion }
    return this.#core.engine.readUtf8(plaintext.subarray(expiryLength)) ?? { reason: 'not UTF-8', keyVersion }
  }

  /** An expiry that is further away than any `ttl` means that the clock was set back. */
  #isAlive(plaintext: Uint8Array): boolean {
    const expiry = Number(new DataView(plaintext.buffer, plaintext.byteOffset).getBigUint64(0))
    const left = expiry - this.#core.clock.now()
    return left > 0 && left <= hourMs
  }
}
