// The field of GHASH: GF(2^128) modulo x^128 + x^7 + x^2 + x + 1, in the bit order of NIST SP 800-38D, where the first bit of a block is
// the coefficient of x^0. An element is a bigint that reads the 16 bytes as one big-endian number, so x^0 is its top bit.

const reduction = 0xe1n << 120n

/** The neutral element of multiplication: x^0. */
export const one: bigint = 1n << 127n

/** Reads a block of up to 16 bytes; a shorter one is filled with zeros behind it, as GHASH does. */
export function fromBlock(block: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(block).toString('hex').padEnd(32, '0')}`)
}

/** Writes an element as 16 bytes. */
export function toBlock(element: bigint): Buffer {
  return Buffer.from(element.toString(16).padStart(32, '0'), 'hex')
}

/** Multiplies: algorithm 1 of NIST SP 800-38D. Addition is `^`. */
export function multiply(a: bigint, b: bigint): bigint {
  let product = 0n
  let shifted = b
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((a >> bit) & 1n) product ^= shifted
    shifted = shifted & 1n ? (shifted >> 1n) ^ reduction : shifted >> 1n
  }
  return product
}

/** Raises to a power of at least 0. */
export function power(base: bigint, exponent: bigint): bigint {
  let result = one
  for (let square = base, left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = multiply(result, square)
    square = multiply(square, square)
  }
  return result
}

/** The multiplicative inverse: every element but 0 is its own (2^128)th power. */
export function inverse(element: bigint): bigint {
  if (element === 0n) throw new RangeError('0 has no inverse')
  return power(element, (1n << 128n) - 2n)
}

/** GHASH of NIST SP 800-38D under the hash key `h`, over AAD, ciphertext and their lengths, as GCM arranges them. */
export function ghash(h: bigint, aad: Uint8Array, ciphertext: Uint8Array): bigint {
  const lengths = (BigInt(aad.length * 8) << 64n) | BigInt(ciphertext.length * 8)
  return [...blocks(aad), ...blocks(ciphertext), lengths].reduce((hash, block) => multiply(hash ^ block, h), 0n)
}

function blocks(bytes: Uint8Array): bigint[] {
  return Array.from({ length: Math.ceil(bytes.length / 16) }, (_, at) =>
    fromBlock(bytes.subarray(at * 16, at * 16 + 16)),
  )
}
