import type { WindowStore } from '../window-store.ts'
import { admitting } from './admitting.ts'
import { changing } from './changing.ts'
import type { ContractCase } from './contract.ts'
import { passing } from './passing.ts'
import { Trial } from './trial.ts'

/** What {@link windowStoreContract} needs to know of an implementation. */
export interface WindowStoreContractOptions {
  /** Makes a store. Its storage may hold other counters already; each case uses keys of its own. */
  readonly make: () => WindowStore | Promise<WindowStore>
  /** Moves the clock of the store that was made last. Without it the cases wait in real time, some of them for seconds; their windows are short. */
  readonly advance?: (ms: number) => void | Promise<void>
}

/**
 * What every {@link WindowStore} must do. The time is taken from its answers alone, so a store may have a clock of its own. Run the cases one after
 * the other where they move one clock.
 *
 * @returns the cases, each with a name and a `run()` that rejects when the store does something else.
 * @example
 * const clock = settableClock()
 * const make = () => memoryStore({ clock })
 * for (const { name, run } of windowStoreContract({ make, advance: (ms) => clock.advance(ms) })) test(name, run)
 */
export function windowStoreContract({ make, advance }: WindowStoreContractOptions): readonly ContractCase[] {
  return Object.entries({ ...admitting, ...passing, ...changing }).map(([name, check]) => ({
    name,
    run: async () => check(new Trial(await make(), advance)),
  }))
}
