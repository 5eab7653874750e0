import { settableClock } from '@mosaajii/core/testing'
import { describe, expect, test } from 'vitest'
import { windowStoreContract, type WindowStoreContractOptions } from '../src/testing.ts'
import type { OpenWindows } from '../src/window-store.ts'
import { brokenStores } from './support/broken-stores.ts'
import { testContract } from './support/contract.ts'
import { NaiveWindows } from './support/naive-store.ts'

/** A store with a clock that the contract moves. */
function stepped(open: (clock: { now(): number }) => OpenWindows): WindowStoreContractOptions {
  let clock = settableClock()
  return {
    make: () => {
      clock = settableClock()
      const windows = open(clock)
      return { open: () => windows }
    },
    advance: (ms) => clock.advance(ms),
  }
}

describe('a store over plain arrays', () => {
  testContract(windowStoreContract(stepped((clock) => new NaiveWindows(clock))))
})

/** The same store behind promises, by the clock of the machine. */
function openLater(): OpenWindows {
  const windows = new NaiveWindows({ now: () => Date.now() })
  const later = async <T>(work: () => T): Promise<T> => {
    await new Promise((resolve) => setTimeout(resolve, 0))
    return work()
  }
  return {
    take: (demands) => later(() => windows.take(demands)),
    peek: (demands) => later(() => windows.peek(demands)),
    penalize: (demands) => later(() => windows.penalize(demands)),
    refund: (receipts) => later(() => windows.refund(receipts)),
    reset: (rule, key) => later(() => windows.reset(rule, key)),
    block: (rule, key, forMs) => later(() => windows.block(rule, key, forMs)),
  }
}

describe('a store that answers later, by a clock that nobody moves', () => {
  testContract(windowStoreContract({ make: () => ({ open: openLater }) }))
})

describe('the contract finds a store that', () => {
  const found = Object.entries(brokenStores).filter(([, { finds }]) => finds !== undefined)
  test.each(found)('%s', async (_, { finds, open }) => {
    const found = windowStoreContract(stepped(open)).find(({ name }) => name === finds)
    await expect(found?.run()).rejects.toThrow(Error)
  })
})
