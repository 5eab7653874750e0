/**
 * The block arithmetic of XAES-256-GCM (C2SP) and of its key commitment KC-XAES-256-GCM (Kampanakis et al., eprint 2025/758). With
 * `N` the nonce, `E` one AES-256 block under the key, and `K1` its CMAC subkey, a message needs five blocks:
 *
 *     subkey     = E(00 01 58 00 | N[0..12] ^ K1) | E(00 02 58 00 | N[0..12] ^ K1)
 *     W          = E('XCMT' | N[0..12])
 *     commitment = E(N[12..24] | 00 01 00 01 ^ W ^ K1) | E(N[12..24] | 00 01 00 02 ^ W ^ K1)
 *
 * The first three depend on the nonce alone, the last two on `W`: two passes of ECB for any number of messages. Both engines call this.
 */
export const blockLength = 16
/** Bytes of the first pass, a message: two subkey blocks and `W`. */
export const firstPassLength: number = 3 * blockLength
/** Bytes of the second pass, a message: the commitment. */
export const secondPassLength: number = 2 * blockLength

/** The CMAC subkey K1 (NIST SP 800-38B) from `L`, the encryption of the zero block. */
export function cmacSubkey(l: Uint8Array): Uint8Array {
  const k1 = new Uint8Array(blockLength)
  for (let i = 0; i < blockLength; i++) k1[i] = ((l[i] ?? 0) << 1) | ((l[i + 1] ?? 0) >> 7)
  // Masked, not branched: the top bit of L is secret.
  k1[15] = (k1[15] ?? 0) ^ (0x87 & -((l[0] ?? 0) >> 7))
  return k1
}

/** Writes the three blocks of the first pass for the nonce at `from`. */
export function writeFirstPass(
  target: Uint8Array,
  offset: number,
  nonces: Uint8Array,
  from: number,
  k1: Uint8Array,
): void {
  writeBlock(target, offset, 0x00, 0x01, 0x58, 0x00, nonces, from)
  writeBlock(target, offset + 16, 0x00, 0x02, 0x58, 0x00, nonces, from)
  for (let i = 0; i < blockLength; i++) {
    const k = k1[i] as number
    target[offset + i] = (target[offset + i] as number) ^ k
    target[offset + 16 + i] = (target[offset + 16 + i] as number) ^ k
  }
  writeBlock(target, offset + 32, 0x58, 0x43, 0x4d, 0x54, nonces, from)
}

/** Writes the two blocks of the second pass: `w` at `wFrom` is the third block of the first pass, encrypted. */
export function writeSecondPass(
  target: Uint8Array,
  offset: number,
  nonces: Uint8Array,
  from: number,
  w: Uint8Array,
  wFrom: number,
  k1: Uint8Array,
): void {
  for (let i = 0; i < blockLength; i++) {
    const n = i < 12 ? (nonces[from + 12 + i] as number) : i === 13 ? 1 : 0
    const masked = n ^ (w[wFrom + i] as number) ^ (k1[i] as number)
    target[offset + i] = i === 15 ? masked ^ 1 : masked
    target[offset + 16 + i] = i === 15 ? masked ^ 2 : masked
  }
}

function writeBlock(
  target: Uint8Array,
  offset: number,
  a: number,
  b: number,
  c: number,
  d: number,
  nonces: Uint8Array,
  from: number,
): void {
  target[offset] = a
  target[offset + 1] = b
  target[offset + 2] = c
  target[offset + 3] = d
  for (let i = 0; i < 12; i++) target[offset + 4 + i] = nonces[from + i] as number
}
