import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BlockPool, blockWords } from '../src/memory/block-pool.ts'
import { blockHits, HitQueue, queueBlocks, queueRoom, recordWords } from '../src/memory/hit-queue.ts'

const word = fc.oneof(fc.constant(0), fc.integer())
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), word }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('shift' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replaceFront' as const), word }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('repack' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
)

/** A list beside the queue that must be the same. */
class Twin {
  readonly list: number[] = []
  readonly #queue: HitQueue
  readonly #record: number

  constructor(queue: HitQueue, record: number) {
    this.#queue = queue
    this.#record = record
  }

  push(value: number): void {
    const before = this.#queue.blocks(this.#record)
    const lacks = this.#queue.lacks(this.#record, 1)
    this.#queue.push(this.#record, value)
    this.list.push(value)
    expect(this.#queue.blocks(this.#record)).toBe(before + lacks)
  }

  shift(): void {
    if (this.list.length === 0) return
    this.#queue.shift(this.#record)
    this.list.shift()
  }

  replaceFront(value: number): void {
    if (this.list.length === 0) return
    this.#queue.replaceFront(this.#record, value)
    this.list[0] = value
  }

  repack(): void {
    this.#queue.repack(this.#record)
    expect(this.#queue.blocks(this.#record)).toBe(this.list.length <= 1 ? 0 : Math.ceil(this.list.length / blockHits))
  }

  clear(): void {
    this.#queue.clear(this.#record)
    this.list.length = 0
  }

  check(): void {
    const { list } = this
    const queue = this.#queue
    expect(queue.length(this.#record)).toBe(list.length)
    expect(queue.all(this.#record)).toEqual(list)
    expect(list.map((_, index) => queue.at(this.#record, index))).toEqual(list)
    if (list.length > 0) expect(queue.front(this.#record)).toBe(list[0])
    const blocks = queue.blocks(this.#record)
    expect(blocks).toBeLessThanOrEqual(queueBlocks(list.length))
    expect(list.length).toBeLessThanOrEqual(queueRoom(blocks))
  }
}

describe('a queue of hits', () => {
  it('is a list, beside another in the same pool, and takes a block only for its second word', () => {
    const steps = fc.array(fc.record({ of: fc.integer({ min: 0, max: 1 }), step }), { maxLength: 120 })
    fc.assert(
      fc.property(fc.boolean(), fc.integer({ min: 0, max: 0xfff }), steps, (isReserved, own, all) => {
        const pool = new BlockPool(200, 100)
        const queue = new HitQueue(pool)
        const twins = [0, 1].map(() => {
          const record = pool.take(false)
          // What a block held before means nothing.
          pool.words.fill(-1, record * blockWords, (record + 1) * blockWords)
          queue.init(record, isReserved)
          queue.setOwn(record, own)
          return { record, twin: new Twin(queue, record) }
        })
        for (const { of, step: next } of all) {
          const { twin } = twins[of] as (typeof twins)[number]
          if (next.do === 'push' || next.do === 'replaceFront') twin[next.do](next.word)
          else twin[next.do]()
          for (const each of twins) each.twin.check()
          const blocks = twins.reduce((sum, { record }) => sum + queue.blocks(record), 0)
          expect([pool.used, pool.reservedUsed]).toEqual(isReserved ? [2, blocks] : [2 + blocks, 0])
          for (const { record } of twins) {
            expect([queue.own(record), queue.isReserved(record)]).toEqual([own, isReserved])
          }
        }
        for (const { twin } of twins) twin.clear()
        expect(pool.used + pool.reservedUsed).toBe(2)
      }),
      { numRuns: 300 },
    )
  })

  it('of one word has it in the record', () => {
    const pool = new BlockPool(10, 0)
    const queue = new HitQueue(pool)
    const record = pool.take(false)
    queue.init(record, false)
    queue.push(record, 7)
    expect([pool.used, pool.words[record * blockWords + recordWords.last]]).toEqual([1, 7])
    queue.push(record, 8)
    expect([pool.used, queue.all(record)]).toEqual([2, [7, 8]])
    queue.shift(record)
    expect([pool.used, pool.words[record * blockWords + recordWords.last]]).toEqual([1, 8])
  })
})
