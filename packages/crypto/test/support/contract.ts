import { expect, test } from 'vitest'
import type { ContractCase } from '../../src/testing.ts'

/** Runs a contract suite as tests. */
export function testContract(cases: readonly ContractCase[]): void {
  test.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
}
