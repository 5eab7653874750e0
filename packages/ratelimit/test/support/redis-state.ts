/** A counter as it stands in Redis. */
export interface RedisState {
  readonly mark: number
  /** The newest time that it has seen. */
  readonly seen: number
  readonly blockedUntil: number
  /** The largest limit by which it was counted. */
  readonly largest: number
  readonly times: readonly number[]
  readonly units: readonly number[]
}

const headLength = 38
const hitLength = 10

/** Writes a counter as the scripts do, from their description. */
export function encodedState({ mark, seen, blockedUntil, largest, times, units }: RedisState): Buffer {
  const older = Math.max(0, times.length - 1)
  const bytes = Buffer.alloc(headLength + older * hitLength)
  bytes.writeUInt8(1, 0)
  bytes.writeBigUInt64BE((1n << 56n) | BigInt(mark), 0)
  bytes.writeUIntBE(seen, 8, 6)
  bytes.writeUIntBE(blockedUntil, 14, 6)
  bytes.writeUInt32BE(largest, 20)
  bytes.writeUInt32BE(
    units.reduce((sum, unit) => sum + unit, 0),
    24,
  )
  bytes.writeUIntBE(times[older] ?? 0, 28, 6)
  bytes.writeUInt32BE(units[older] ?? 0, 34)
  for (let i = 0; i < older; i++) {
    bytes.writeUIntBE(times[i] ?? 0, headLength + i * hitLength, 6)
    bytes.writeUInt32BE(units[i] ?? 0, headLength + i * hitLength + 6)
  }
  return bytes
}

/** Reads a counter. */
export function decodedState(bytes: Buffer | null): RedisState {
  if (bytes === null) return { mark: 0, seen: 0, blockedUntil: 0, largest: 0, times: [], units: [] }
  const times: number[] = []
  const units: number[] = []
  for (let place = headLength; place < bytes.length; place += hitLength) {
    times.push(bytes.readUIntBE(place, 6))
    units.push(bytes.readUInt32BE(place + 6))
  }
  if (bytes.readUInt32BE(34) > 0) {
    times.push(bytes.readUIntBE(28, 6))
    units.push(bytes.readUInt32BE(34))
  }
  const mark = Number(bytes.readBigUInt64BE(0) & ((1n << 56n) - 1n))
  return {
    mark,
    seen: bytes.readUIntBE(8, 6),
    blockedUntil: bytes.readUIntBE(14, 6),
    largest: bytes.readUInt32BE(20),
    times,
    units,
  }
}
