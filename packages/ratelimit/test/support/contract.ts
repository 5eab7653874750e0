import { expect, test } from 'vitest'
import type { ContractCase } from '../../src/testing.ts'

/** Runs a contract suite as tests. */
export function testContract(cases: readonly ContractCase[]): void {
  test.each(cases.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => {
    await expect(run()).resolves.toBeUndefined()
  })
}
