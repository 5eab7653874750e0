/** Something that the tour saw and did not expect. */
export class TourFailure extends Error {}

/**
 * Demands something of what the tour saw.
 *
 * @throws {TourFailure} that says what was expected and what was there.
 */
export function expect(holds: boolean, expected: string, got: unknown): asserts holds {
  if (!holds) throw new TourFailure(`expected ${expected}; got ${typeof got === 'string' ? got : JSON.stringify(got)}`)
}

/** One step: what it is called, and the work, which returns what it proved. */
export interface Step {
  readonly name: string
  readonly prove: () => Promise<string>
}

/**
 * Runs the steps in order, one line each, and stops at the first that fails.
 *
 * @returns whether all of them passed.
 */
export async function runSteps(steps: readonly Step[]): Promise<boolean> {
  for (const [i, step] of steps.entries()) {
    const started = performance.now()
    const number = `${i + 1}`.padStart(2)
    try {
      const proof = await step.prove()
      console.log(`ok  ${number}  ${step.name.padEnd(18)} ${proof} (${seconds(started)})`)
    } catch (error) {
      console.log(`NO  ${number}  ${step.name.padEnd(18)} ${failureText(error)} (${seconds(started)})`)
      return false
    }
  }
  return true
}

/** The time since a moment of `performance.now()`, for people. */
export function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}

// A failure of the tour says what it expected; anything else is a surprise whose place matters.
function failureText(error: unknown): string {
  if (error instanceof TourFailure) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** Draws a progress bar: in place on a terminal, else a line at every quarter. */
export function progressBar(label: string): { show(share: number): void; end(): void } {
  let quarter = 0
  const draw = (share: number): string => {
    const full = Math.round(share * 30)
    return `        ${label} [${'#'.repeat(full)}${'.'.repeat(30 - full)}] ${`${Math.round(share * 100)}`.padStart(3)} %`
  }
  return {
    show: (share) => {
      const shown = Math.min(1, Math.max(0, share))
      if (process.stdout.isTTY) process.stdout.write(`\r${draw(shown)}`)
      else if (Math.floor(shown * 4) > quarter) console.log(draw(shown))
      quarter = Math.max(quarter, Math.floor(shown * 4))
    },
    end: () => {
      if (process.stdout.isTTY) process.stdout.write('\r\u001b[K')
    },
  }
}
