import type { Context, ErrorHandler, MiddlewareHandler, Next, NotFoundHandler } from 'hono'
import { coreError } from './errors.ts'
import { clientStatus, errorField, exposedStatus } from './foreign-error.ts'
import type { Guard, HeaderPair, Verdict } from './guard.ts'
import { checkGuard } from './guard-state/check-guard.ts'
import { checkPairs } from './guard-state/check-verdict.ts'
import { asError, isPending, keep, refusalOf, replacedBy } from './guard-state/keep.ts'
import type { Entry } from './guard-state/record.ts'
import { headersFrom } from './headers-from.ts'
import { factsOf, type HonoCarrier, type HonoFacts, sourceKey } from './hono/facts.ts'
import { writeForError, writeResponse } from './hono/response.ts'
import type { AddressSource } from './hono/sources.ts'
import { applyEntry, settle } from './node-response.ts'
import {
  abandonedHeaders,
  answerTo,
  answerWith,
  checkNotFoundCalled,
  checkProblemsOptions,
  type ProblemAnswer,
  type ProblemsOptions,
} from './problem-answer.ts'
import { toProblem } from './problem.ts'

export {
  type AddressSource,
  behindProxies,
  bunServer,
  cloudflareWorkers,
  denoServer,
  nodeServer,
} from './hono/sources.ts'
export type { ProblemsOptions } from './problem-answer.ts'

/** Hono middleware that was made of a guard; behind it `c.get(guard.as)` is typed. */
export type GuardMiddleware<K extends string, T> = MiddlewareHandler<{ Variables: Record<K, T> }> & {
  /** What it was made of: `dataOf(c, middleware.guard)`. */
  readonly guard: Guard<K, T>
}

/**
 * Makes Hono middleware of a guard. Its data is read with `dataOf(c, guard)` or `c.get(guard.as)`. Further in, a guard of the same name
 * replaces the outer one with its headers. A refusal is thrown, so that `app.onError(problems())` answers it.
 *
 * On `@hono/node-server` the headers lie on Node's response, and are on every answer; elsewhere the outermost guard writes those of all
 * when the answer is there. Either way a header of the handler's own stays.
 *
 * @throws {TypeError} when it is no guard, or its name cannot be used.
 * @example
 * app.use(toHono(tillGuard))
 * app.get('/', (c) => c.text(dataOf(c, tillGuard)))
 */
export function toHono<K extends string, T>(guard: Guard<K, T>): GuardMiddleware<K, T> {
  checkGuard(guard, 'toHono')
  const middleware = (context: Context, next: Next): Promise<void> => {
    const facts = factsOf(context)
    let settled: Settled
    try {
      const verdict = guard.check(facts)
      if (isPending(verdict)) return passLater(verdict, guard, facts, context, next)
      settled = admit(facts, guard, verdict, context)
    } catch (thrown) {
      return refuse(facts, context, asError(thrown, guard.as))
    }
    return proceed(facts, context, next, settled)
  }
  return Object.assign(middleware as MiddlewareHandler<{ Variables: Record<K, T> }>, { guard })
}

type Settled = ((status: number) => void) | undefined

async function passLater<T>(
  pending: Promise<Verdict<T>>,
  guard: Guard<string, T>,
  facts: HonoFacts,
  context: Context,
  next: Next,
): Promise<void> {
  let settled: Settled
  try {
    settled = admit(facts, guard, await pending, context)
  } catch (thrown) {
    return refuse(facts, context, asError(thrown, guard.as))
  }
  return proceed(facts, context, next, settled)
}

/** Keeps a verdict. Returns what is left to call after the response; throws the error of a refusal. */
function admit<T>(facts: HonoFacts, guard: Guard<string, T>, verdict: Verdict<T>, context: Context): Settled {
  const entry = keep(facts, guard, verdict)
  const settled = verdict.pass ? verdict.settled : undefined
  if (facts.outgoing !== undefined) applyEntry(facts.outgoing, facts, entry, settled)
  else keepForLater(facts, entry, settled)
  const refusal = refusalOf(verdict, guard.as)
  if (refusal !== undefined) throw refusal
  context.set(guard.as, entry.data)
  return facts.outgoing === undefined ? settled : undefined
}

/** Headers that cannot be written would be found out only when the handler has run, and take those of the other guards with them. */
function keepForLater(facts: HonoFacts, entry: Entry, settled: Settled): void {
  try {
    checkPairs(entry.as, entry.headers ?? [])
  } catch (error) {
    facts.last = entry.previous
    if (settled !== undefined) settle(settled, 500)
    throw error
  }
  replacedBy(entry)
}

function proceed(facts: HonoFacts, context: Context, next: Next, settled: Settled): Promise<void> {
  if (facts.outgoing !== undefined || (facts.open && settled === undefined)) return next()
  return writeAfter(facts, context, next, settled)
}

/** Waits for the answer. The outermost guard then writes the headers of all, also on the answer to an error. */
async function writeAfter(facts: HonoFacts, context: Context, next: Next, settled: Settled): Promise<void> {
  const outermost = !facts.open
  facts.open = true
  try {
    await next()
    if (outermost) writeResponse(context, facts)
  } catch (error) {
    if (outermost) writeForError(context, facts)
    throw error
  } finally {
    if (outermost) facts.open = false
    if (settled !== undefined) settle(settled, statusOf(context))
  }
}

function statusOf(context: Context): number {
  if (context.req.raw.signal?.aborted) return 499
  return context.finalized ? context.res.status : 500
}

/** The outermost guard that refuses gets no turn after the answer: its headers must be ready for it. */
function refuse(facts: HonoFacts, context: Context, error: Error): never {
  if (facts.outgoing === undefined && !facts.open) writeForError(context, facts)
  throw error
}

/**
 * Says once for an application how the address of a client is found; mounted before all guards. Without it a guard that needs an address
 * throws `ADDRESS_SOURCE_MISSING`. `X-Forwarded-For` is read only by `behindProxies`.
 *
 * @param source `nodeServer()`, `bunServer()`, `denoServer()`, `cloudflareWorkers()`, one of them in `behindProxies()`, or your own.
 * @throws {TypeError} when the source is no function.
 * @example
 * app.use(clientAddress(behindProxies(nodeServer(), { hops: 1 })))
 */
export function clientAddress(source: AddressSource): MiddlewareHandler {
  if (typeof source !== 'function') throw new TypeError('clientAddress: give a source, for example nodeServer()')
  return (context: Context & HonoCarrier, next) => {
    context[sourceKey] = source
    return next()
  }
}

/**
 * Makes the error handler of an application: RFC 9457 problem details for every error, with the headers that guards had set. A
 * `SecurityError` shows its code; an `HTTPException` that is a 4xx keeps its status, and a body that is no JSON is a 400; any other error is a
 * bare 500. No message of an error reaches the client.
 *
 * @throws {TypeError} on unknown options, and when a framework calls it: write `problems()`.
 * @example
 * app.onError(problems({ onError: (error) => log.error(error) }))
 */
export function problems(options?: ProblemsOptions): ErrorHandler
export function problems(options: ProblemsOptions = {}, ...rest: readonly unknown[]): ErrorHandler {
  checkProblemsOptions(options, rest)
  return (error, context) => {
    if (error instanceof SyntaxError) return answerSyntaxError(error, context, options)
    const foreign = errorField(error, 'res') ?? error
    return respond(context, answerTo(error, options, statusOfHono(error), errorField(foreign, 'headers')))
  }
}

function statusOfHono(error: unknown): number | undefined {
  return typeof errorField(error, 'getResponse') === 'function' ? clientStatus(error) : exposedStatus(error)
}

/** `await c.req.json()` throws the parser's SyntaxError. It is the client's mistake when the body that was read is no JSON. */
async function answerSyntaxError(error: SyntaxError, context: Context, options: ProblemsOptions): Promise<Response> {
  const status = (await isBodyBroken(context)) ? 400 : undefined
  return respond(context, answerTo(error, options, status))
}

async function isBodyBroken(context: Context): Promise<boolean> {
  const { bodyCache } = context.req
  if (!('text' in bodyCache) && !('json' in bodyCache)) return false
  try {
    await context.req.json()
    return false
  } catch (error) {
    return error instanceof SyntaxError
  }
}

/** The answer in place of the one that was begun, with the headers that others had set. */
function respond(context: Context, answer: ProblemAnswer): Response {
  const headers = new Headers(context.res.headers)
  for (const name of abandonedHeaders) headers.delete(name)
  for (const [name, value] of answer.headers) headers.set(name, value)
  // Hono would merge the headers of the old response into the new.
  context.res = undefined
  return new Response(answer.body, { status: answer.status, headers })
}

/**
 * Makes the handler of what no route took: 404 `ROUTE_UNKNOWN` as a problem.
 *
 * @throws {TypeError} when a framework calls it: write `notFound()`.
 * @example
 * app.notFound(notFound())
 */
export function notFound(): NotFoundHandler
export function notFound(...given: readonly unknown[]): NotFoundHandler {
  checkNotFoundCalled(given)
  return (context) => {
    const answer = answerWith(toProblem(coreError('ROUTE_UNKNOWN', 'no route has this path', { status: 404 })))
    return context.newResponse(answer.body, 404, Object.fromEntries(answer.headers))
  }
}

/**
 * Makes the option `errorHandler` of `getRequestListener` in `@hono/node-server`: it answers a request that never became one of Hono's (a
 * missing or bad Host, a bad URL) with 400, and whatever else the application let through with 500.
 *
 * @param headers called for each such request, for example `() => compiled.pairs()`. What it throws is ignored.
 * @example
 * const listener = getRequestListener(app.fetch, { errorHandler: errorHandler(() => [['X-Content-Type-Options', 'nosniff']]) })
 */
export function errorHandler(headers: () => readonly HeaderPair[] = () => []): (error: unknown) => Response {
  return (error) => {
    const isBadRequest = errorField(error, 'name') === 'RequestError'
    const answer = answerTo(error, {}, isBadRequest ? 400 : undefined)
    const all = new Headers()
    for (const [name, value] of [...headersFrom(headers), ...answer.headers]) all.set(name, value)
    return new Response(answer.body, { status: answer.status, headers: all })
  }
}
