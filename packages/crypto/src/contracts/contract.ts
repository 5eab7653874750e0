/** One requirement of a port. Contract suites are lists of them, so that any test runner can loop over them. */
export interface ContractCase {
  /** What is required, as a test's name. */
  readonly name: string
  /** Resolves when the implementation meets it and rejects with an `Error` that says what it did instead. */
  run(): Promise<void>
}

/** Makes the list of a suite's cases from a table of names and functions, each of which gets an implementation of its own. */
export function contractCases<T>(
  make: () => T | Promise<T>,
  cases: Readonly<Record<string, (implementation: T) => Promise<void>>>,
): readonly ContractCase[] {
  return Object.entries(cases).map(([name, check]) => ({ name, run: async () => check(await make()) }))
}

/** @throws {Error} with the message unless the condition holds. */
export function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

/** @throws {Error} with the message unless the promise rejects or the call throws. */
export async function mustReject(work: () => Promise<unknown>, message: string): Promise<void> {
  let fulfilled = false
  try {
    await work()
    fulfilled = true
  } catch {
    // What was asked for.
  }
  must(!fulfilled, message)
}

/** Whether two arrays have the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
