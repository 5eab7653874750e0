import { coreError } from './errors.ts'
import type { Slot } from './guard.ts'
import { entryOf, recordOf } from './guard-state/record.ts'

/**
 * Reads what a guard left for the handlers of a request.
 *
 * @param carrier Express' `req`, Fastify's `request`, or Hono's context.
 * @param guard the guard itself, or a slot that names one: then the innermost guard of that name.
 * @throws {SecurityError} `GUARD_NOT_RUN` (500) when the guard did not run for this request, or refused it.
 * @example
 * app.get('/till', toExpress(tillGuard), (req, res) => res.send(dataOf(req, tillGuard)))
 */
export function dataOf<T>(carrier: object, guard: Slot<T>): T {
  const entry = entryOf(recordOf(carrier), guard)
  if (entry === undefined) {
    throw coreError(
      'GUARD_NOT_RUN',
      `the guard '${guard.as}' did not run for this request; mount it before this handler`,
    )
  }
  return entry.data as T
}
