import type { CursorStore } from '@mosaajii/crypto'
import { type ContractCase, contractCases, must, mustReject } from './contract.ts'

/** The longest cursor that a store must take, in characters. */
const maxCursorLength = 1024

/** What {@link cursorContract} needs to know of an implementation. */
export interface CursorContractOptions {
  /** Makes a cursor store in which nothing was saved yet. */
  readonly make: () => CursorStore | Promise<CursorStore>
  /** Opens the same storage once more, as the next process would. Default: the same store is used again. */
  readonly reopen?: (store: CursorStore) => CursorStore | Promise<CursorStore>
}

/**
 * What every {@link CursorStore} must do.
 *
 * @returns the cases, each with a name and a `run()` that rejects when the store does something else.
 * @example
 * for (const { name, run } of cursorContract({ make: () => memoryCursor() })) test(name, run)
 */
export function cursorContract({ make, reopen = (store) => store }: CursorContractOptions): readonly ContractCase[] {
  return contractCases(make, {
    'begins with none': async (store) => {
      must((await store.load()) === undefined, 'a new store has a cursor')
      await store.clear()
      must((await store.load()) === undefined, 'clearing nothing made a cursor')
    },
    'gives the last cursor back, also to the next process': async (store) => {
      for (const cursor of ['1', '2', '2', 'customers:0192f7c4', '']) {
        await store.save(cursor)
        must((await store.load()) === cursor, 'load gave another cursor')
        must((await (await reopen(store)).load()) === cursor, 'the next process loads another cursor')
      }
    },
    'forgets when it is told to': async (store) => {
      await store.save('7')
      await store.clear()
      must((await store.load()) === undefined, 'the cursor is still there')
      must((await (await reopen(store)).load()) === undefined, 'the next process still finds the cursor')
      await store.save('8')
      must((await store.load()) === '8', 'it could not be used again')
    },
    'keeps any text unchanged': async (store) => {
      const cursors = [
        '{"row":"7"}\n',
        `ä ß 日本語 🗝️ \u2028 \ufeff e\u0301 ' " \\ % ; --`,
        '\u0001'.repeat(maxCursorLength),
      ]
      for (const cursor of [...cursors, '€'.repeat(maxCursorLength)]) {
        await store.save(cursor)
        must((await (await reopen(store)).load()) === cursor, 'load gave another text')
      }
    },
    'refuses what it could not give back, and keeps what it had': async (store) => {
      await store.save('9')
      for (const cursor of [
        'a'.repeat(maxCursorLength + 1),
        'a\0b',
        '\ud800',
        7 as unknown as string,
        undefined as unknown as string,
      ]) {
        await mustReject(() => store.save(cursor), 'a cursor that is too long or not well-formed text was saved')
      }
      must((await store.load()) === '9', 'a refused cursor replaced the last one')
    },
  })
}
