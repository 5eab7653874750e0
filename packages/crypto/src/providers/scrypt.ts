import { scryptAsync } from '@noble/hashes/scrypt.js'

/** The cost of turning a passphrase into a key (RFC 7914). Memory is `128 * N * r` bytes. */
export interface ScryptCost {
  /** Iterations: a power of two from 2^15 to 2^20. */
  readonly N: number
  /** Block size: 8 to 16. */
  readonly r: number
  /** Parallelisation: 1 to 4. */
  readonly p: number
}

const mostMemory = 2 ** 30

/**
 * Why a cost is not accepted, or `undefined` when it is. Below the bounds guessing becomes cheap; above them whoever can write the key
 * store could make a start allocate the whole machine.
 */
export function costProblem({ N, r, p }: ScryptCost): string | undefined {
  if (!isWhole(N, 2 ** 15, 2 ** 20) || (N & (N - 1)) !== 0) return 'N must be a power of two from 32768 to 1048576'
  if (!isWhole(r, 8, 16)) return 'r must be a whole number from 8 to 16'
  if (!isWhole(p, 1, 4)) return 'p must be a whole number from 1 to 4'
  return 128 * N * r > mostMemory ? '128 * N * r must be at most 1 GiB' : undefined
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most
}

/**
 * scrypt with a 32-byte result, in the background: native where the runtime has `node:crypto`, otherwise in slices on this thread. Check
 * the cost with {@link costProblem} first.
 */
export function scrypt(passphrase: Uint8Array, salt: Uint8Array, { N, r, p }: ScryptCost): Promise<Uint8Array> {
  const native = globalThis.process?.getBuiltinModule?.('node:crypto')?.scrypt
  // What the algorithm needs, with room for the workspaces that each implementation counts differently.
  const maxmem = 128 * r * (N + p + 16)
  if (!native) return scryptAsync(passphrase, salt, { N, r, p, dkLen: 32, maxmem })
  return new Promise((resolve, reject) => {
    native(passphrase, salt, 32, { N, r, p, maxmem }, (error, key) =>
      error ? reject(error) : resolve(new Uint8Array(key)),
    )
  })
}
