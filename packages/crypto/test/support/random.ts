import { createCipheriv } from 'node:crypto'
import type { RandomSource } from '../../src/engines/engine.ts'

/** A stream of bytes that looks random and is the same for the same seed. */
export function seededRandom(seed: number): RandomSource {
  const key = Buffer.alloc(32)
  key.writeUInt32BE(seed)
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return (target) => target.set(stream.update(Buffer.alloc(target.length)))
}

/** A copy with one bit changed; bit 0 is the lowest of the first byte. */
export function flipBit(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
  return copy
}
