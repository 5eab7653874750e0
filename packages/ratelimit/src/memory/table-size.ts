import type { WindowRule } from '../window-store.ts'
import { blockedBytes } from './blocked-keys.ts'
import { blockBytes, leadBytes } from './block-pool.ts'
import { exactQueueLength } from './exact-log.ts'
import { queueBlocks } from './hit-queue.ts'
import { strictQueueLength } from './strict-log.ts'
import { voidedBytes } from './voided-receipts.ts'

/** What a table is made of. */
export interface TableSize {
  readonly bytes: number
  readonly blocks: number
  /** Where chains of records begin. */
  readonly heads: number
  /** Counters that newcomers share when the table is full. */
  readonly overflows: number
  /** The blocks that are kept for them. */
  readonly reserved: number
  /** How many keys can be blocked at once. */
  readonly blocked: number
}

const headBytes = 4
/** One head for three blocks: short chains where counters have one block, and few bytes a counter where they have ten. */
const blocksPerHead = 3
const overflows = { least: 16, most: 4096, blocksEach: 64, share: 1 / 8 } as const
const blocked = { least: 16, most: 4096, share: 1 / 64 } as const
/** A smaller table could not hold this many full counters. */
const leastCounters = 16

/** How many blocks a counter of this rule takes when it is full. */
export function fullBlocks({ algorithm, limit, quantum, window }: WindowRule): number {
  const length = algorithm === 'exact' ? exactQueueLength(limit) : strictQueueLength(limit, Math.ceil(window / quantum))
  return 1 + queueBlocks(length)
}

/** The smallest number of bytes that a table of this rule can do with. */
export function leastBytes(rule: WindowRule): number {
  const blocks = (overflows.least + leastCounters) * fullBlocks(rule)
  return (
    fixedBytes(blocked.least, overflows.least) + blocks * blockBytes + Math.ceil(blocks / blocksPerHead) * headBytes
  )
}

/** Divides the bytes of a table, which are at least `leastBytes`. */
export function tableSize(rule: WindowRule, bytes: number): TableSize {
  const each = fullBlocks(rule)
  const keys = blockedKeys(bytes)
  const about = blocksIn(bytes - fixedBytes(keys, 0))
  const wanted = Math.floor(Math.min(about / overflows.blocksEach, (about * overflows.share) / each))
  const buckets = clamp(wanted, overflows.least, overflows.most)
  const blocks = blocksIn(bytes - fixedBytes(keys, buckets))
  const heads = Math.floor(blocks / blocksPerHead)
  return { bytes, blocks, heads, overflows: buckets, reserved: buckets * each, blocked: keys }
}

/** What does not depend on the number of blocks. Block 0 stands for none. */
function fixedBytes(keys: number, buckets: number): number {
  return voidedBytes + blockedBytes(keys) + buckets * headBytes + leadBytes + blockBytes
}

function blocksIn(bytes: number): number {
  return Math.floor(bytes / (blockBytes + headBytes / blocksPerHead))
}

/** A power of two, as `BlockedKeys` wants it. */
function blockedKeys(bytes: number): number {
  const keys = clamp((bytes * blocked.share) / blockedBytes(1), blocked.least, blocked.most)
  return 2 ** Math.floor(Math.log2(keys))
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}
