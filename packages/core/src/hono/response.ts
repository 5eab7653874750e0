import type { Context } from 'hono'
import type { Answer } from '../guard.ts'
import { callWriting, isSetCookie } from '../node-writing.ts'
import type { GuardRecord } from '../guard-state/record.ts'

/** Writes the headers of a request's guards on its finished response, and calls their `writing`. */
export function writeResponse(context: Context, record: GuardRecord): void {
  change(context, record, writeAll)
}

/**
 * Leaves the headers of a request's guards where Hono takes those of the answer to an error from. That answer is not made yet, so nobody's
 * `writing` can see it; and should another guard be tried instead, these are done with.
 */
export function writeForError(context: Context, record: GuardRecord): void {
  change(context, record, addHeaders)
  for (let entry = record.last; entry !== undefined; entry = entry.previous) entry.replaced = true
}

function change(
  context: Context,
  record: GuardRecord,
  write: (response: Response, record: GuardRecord) => unknown,
): void {
  const response = context.res
  try {
    write(response, record)
  } catch (error) {
    // The headers of what `fetch` returned and of `Response.redirect()` cannot be changed. Those of a copy can.
    const copy = copyOf(response)
    if (copy === undefined) throw error
    write(copy, record)
    // Assigning over an old response would merge the old headers into the new.
    context.res = undefined
    context.res = copy
  }
}

/** A response with the same body and headers that can be changed; `undefined` where there is none, as of an upgraded connection. */
function copyOf(response: Response): Response | undefined {
  try {
    return new Response(response.body, response)
  } catch {
    return undefined
  }
}

function writeAll(response: Response, record: GuardRecord): void {
  const watched = addHeaders(response, record)
  if (!watched) return
  // Throws here when the headers cannot be changed, not within a guard's `writing`, where it would go unseen.
  response.headers.delete('x-mosaajii-none')
  callWriting(record, answerOf(response))
}

/** Innermost first: a header that is already there, by the handler or a guard further in, stays. Says whether a guard has `writing`. */
function addHeaders({ headers }: Response, record: GuardRecord): boolean {
  let watched = false
  let entry = record.last
  while (entry !== undefined) {
    if (!entry.replaced) {
      for (const [name, value] of entry.headers ?? []) {
        if (isSetCookie(name)) headers.append(name, value)
        else if (!headers.has(name)) headers.set(name, value)
      }
      watched ||= entry.writing !== undefined
    }
    entry = entry.previous
  }
  return watched
}

function answerOf(response: Response): Answer {
  const { headers, status } = response
  return {
    status,
    get: (name) => headers.get(name) ?? undefined,
    set: (name, value) => headers.set(name, value),
    remove: (name) => headers.delete(name),
  }
}
