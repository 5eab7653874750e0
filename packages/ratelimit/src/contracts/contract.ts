/** One requirement of a port. Contract suites are lists of them, so that any test runner can loop over them. */
export interface ContractCase {
  /** What is required, as a test's name. */
  readonly name: string
  /** Resolves when the implementation meets it and rejects with an `Error` that says what it did instead. */
  run(): Promise<void>
}

/** @throws {Error} with the message unless the condition holds. */
export function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}
