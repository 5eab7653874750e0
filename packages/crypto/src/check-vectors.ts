import { discardEvents } from '@mosaajii/core'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { KeyedBlindIndex } from './blind-index.ts'
import type { ValueKind } from './context.ts'
import type { Engine, EngineName } from './engines/engine.ts'
import { selectEngine } from './engines/select.ts'
import { SealingField } from './field.ts'
import { checkField } from './field-definition.ts'
import type { Algorithm } from './format.ts'
import type { KeyringCore } from './keyring-core.ts'
import type { Normalizer } from './normalizers.ts'
import { DecryptError, UnknownKeyVersionError } from './errors.ts'
import { TransientSealingField } from './transient.ts'

interface Place {
  readonly tenant: string | null
  readonly table: string
  readonly column: string
}

interface ValueVector extends Place {
  readonly name: string
  readonly kind: ValueKind
  readonly schema: string | null
  readonly row: string | number
  readonly key: string
  readonly keyVersion: number
}

interface SealedVector extends ValueVector {
  readonly algorithm: Algorithm
  readonly nonce: string
  readonly plaintext: string | { readonly repeat: string; readonly times: number }
  readonly expiry?: number
  readonly token?: string
  readonly tokenSha256?: string
}

interface InvalidVector extends ValueVector {
  readonly algorithms: readonly Algorithm[]
  readonly now?: number
  readonly token: string
}

interface IndexVector extends Place {
  readonly name: string
  readonly root: string
  readonly version: number
  readonly index: string
  readonly normalizer: Normalizer
  readonly bits: number
  readonly value: string
  readonly token: string
}

interface Vectors {
  readonly sealed: readonly SealedVector[]
  readonly invalid: readonly InvalidVector[]
  readonly blindIndexes: readonly IndexVector[]
}

const ttl = 60_000

/**
 * Checks one engine against the published vectors of the format: every sealed one is made again byte for byte from its nonce and opened,
 * every invalid one is refused, every index token is made again.
 *
 * @param vectors the parsed `@mosaajii/crypto/vectors.json`.
 * @param engine default: the one that this runtime would use.
 * @returns which engine it was and how many vectors it passed.
 * @throws {Error} that names the first vector that fails.
 * @example
 * import vectors from '@mosaajii/crypto/vectors.json' with { type: 'json' }
 * checkVectors(vectors, 'portable') // { engine: 'portable', vectors: 121 }
 */
export function checkVectors(vectors: object, engine?: EngineName): { engine: EngineName; vectors: number } {
  const { sealed, invalid, blindIndexes } = vectors as Vectors
  for (const vector of sealed) check(vector.name, sealsAndOpens(vector, engine))
  for (const vector of invalid) check(vector.name, isRefused(vector, engine))
  for (const vector of blindIndexes) check(vector.name, givesToken(vector, engine))
  return { engine: selectEngine(engine).name, vectors: sealed.length + invalid.length + blindIndexes.length }
}

function check(name: string, passed: boolean): void {
  if (!passed) throw new Error(`format vector '${name}' fails`)
}

function sealsAndOpens(vector: SealedVector, engineName: EngineName | undefined): boolean {
  const nonce = hexToBytes(vector.nonce)
  const engine = selectEngine(engineName, (target) => {
    for (let i = 0; i < target.length; i++) target[i] = nonce[i % nonce.length] as number
  })
  const core = coreFor(vector, engine, (vector.expiry ?? ttl) - ttl)
  const codec = codecFor(core, vector, [vector.algorithm])
  const plaintext =
    typeof vector.plaintext === 'string' ? vector.plaintext : vector.plaintext.repeat.repeat(vector.plaintext.times)
  const token = codec.seal(plaintext)
  const same = vector.token ? token === vector.token : bytesToHex(sha256(utf8ToBytes(token))) === vector.tokenSha256
  return same && codec.open(token) === plaintext
}

function isRefused(vector: InvalidVector, engineName: EngineName | undefined): boolean {
  const core = coreFor(vector, selectEngine(engineName), vector.now ?? 0)
  try {
    codecFor(core, vector, vector.algorithms).open(vector.token)
    return false
  } catch (error) {
    return isOpeningError(error)
  }
}

function givesToken(vector: IndexVector, engineName: EngineName | undefined): boolean {
  const { tenant, table, column, index, normalizer, bits, value, version } = vector
  const root = { version, key: hexToBytes(vector.root) }
  const core = {
    ...coreFor({ key: vector.root, keyVersion: 1 }, selectEngine(engineName), 0),
    activeIndexRoot: () => root,
  }
  const field = checkField({ table, column, ...(tenant !== null && { tenant }) }, 'stored', 'vector')
  return new KeyedBlindIndex(core, field, { name: index, normalize: normalizer, bits }).current(value) === vector.token
}

/** Bytes stand in the vectors as hex. */
function codecFor(
  core: KeyringCore,
  { kind, tenant, table, column, schema, row }: ValueVector,
  algorithms: readonly Algorithm[],
) {
  const definition = {
    table,
    column,
    algorithms,
    ...(tenant !== null && { tenant }),
    ...(schema !== null && { schema }),
  }
  const field =
    kind === 'transient' ? new TransientSealingField(core, { ...definition, ttl }) : new SealingField(core, definition)
  if (kind === 'bytes' && field instanceof SealingField) {
    return {
      seal: (plaintext: string): string => field.sealBytes(hexToBytes(plaintext), { row }),
      open: (token: string): string => bytesToHex(field.openBytes(token, { row })),
    }
  }
  return {
    seal: (plaintext: string): string => field.seal(plaintext, { row }),
    open: (token: string): string => field.open(token, { row }),
  }
}

/** A keyring of one key, without store and provider. */
function coreFor({ key, keyVersion }: { key: string; keyVersion: number }, engine: Engine, now: number): KeyringCore {
  const dataKey = { version: keyVersion, cipher: engine.cipher(hexToBytes(key)) }
  const root = { version: 1, key: hexToBytes(key) }
  return {
    id: 'vectors',
    engine,
    clock: { now: () => now },
    events: discardEvents(),
    sealingKey: () => dataKey,
    dataKey: (version) => (version === keyVersion ? dataKey : undefined),
    activeDataVersion: () => keyVersion,
    indexRoots: () => [root],
    activeIndexRoot: () => root,
    activeIndexVersion: () => 1,
    refreshSoon: async () => undefined,
    register: () => undefined,
  }
}

function isOpeningError(error: unknown): boolean {
  return error instanceof DecryptError || error instanceof UnknownKeyVersionError
}
