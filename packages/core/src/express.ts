import type { ServerResponse } from 'node:http'
import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response } from 'express'
import { coreError } from './errors.ts'
import { clientStatus, errorField, exposedStatus } from './foreign-error.ts'
import type { Guard, Verdict } from './guard.ts'
import { checkGuard } from './guard-state/check-guard.ts'
import { headerText, RequestFacts, type RequestReader } from './guard-state/facts.ts'
import { asError, isPending, keep, refusalOf } from './guard-state/keep.ts'
import { type Carrier, keepRecord, recordOf } from './guard-state/record.ts'
import { applyEntry, sendAnswer } from './node-response.ts'
import {
  answerTo,
  answerWith,
  checkNotFoundCalled,
  checkProblemsOptions,
  type ProblemsOptions,
} from './problem-answer.ts'
import { toProblem } from './problem.ts'

export type { ProblemsOptions } from './problem-answer.ts'

/** What a guard reads of Express' request. Less than `Request`, so that the path parameters of a route with guards keep their types. */
export type GuardedRequest = Pick<Request, 'app' | 'headers' | 'ip' | 'method' | 'originalUrl'>

/** What a guard writes to. */
export type GuardedResponse = ServerResponse & Pick<Response, 'locals'>

/** Express middleware that was made of a guard. */
export type GuardHandler<K extends string, T> = ((
  req: GuardedRequest,
  res: GuardedResponse,
  next: NextFunction,
) => void | Promise<void>) & {
  /** What it was made of: `dataOf(req, handler.guard)`. */
  readonly guard: Guard<K, T>
}

/**
 * Makes Express middleware of a guard. Its data is read with `dataOf(req, guard)`; `res.locals[guard.as]` shows it to templates. Mounted
 * again further in, on a router or a route, a guard of the same name replaces the outer one with its headers. A refusal goes to `next(error)`,
 * where `problems()` answers it.
 *
 * @throws {TypeError} when it is no guard, or its name cannot be used.
 * @example
 * app.use(toExpress(tillGuard))
 * app.get('/', (req, res) => res.send(dataOf(req, tillGuard)))
 */
export function toExpress<K extends string, T>(guard: Guard<K, T>): GuardHandler<K, T> {
  checkGuard(guard, 'toExpress')
  const handler = (req: GuardedRequest, res: GuardedResponse, next: NextFunction): void | Promise<void> => {
    let refusal: Error | undefined
    try {
      const facts = factsOf(req)
      const verdict = guard.check(facts)
      if (isPending(verdict)) return passLater(verdict, guard, facts, res, next)
      refusal = admit(facts, guard, verdict, res)
    } catch (thrown) {
      refusal = asError(thrown, guard.as)
    }
    next(refusal)
  }
  return Object.assign(handler, { guard })
}

async function passLater<T>(
  pending: Promise<Verdict<T>>,
  guard: Guard<string, T>,
  facts: RequestFacts<GuardedRequest>,
  res: GuardedResponse,
  next: NextFunction,
): Promise<void> {
  let refusal: Error | undefined
  try {
    refusal = admit(facts, guard, await pending, res)
  } catch (thrown) {
    refusal = asError(thrown, guard.as)
  }
  next(refusal)
}

function admit<T>(
  facts: RequestFacts<GuardedRequest>,
  guard: Guard<string, T>,
  verdict: Verdict<T>,
  res: GuardedResponse,
): Error | undefined {
  const entry = keep(facts, guard, verdict)
  applyEntry(res, facts, entry, verdict.pass ? verdict.settled : undefined)
  const refusal = refusalOf(verdict, guard.as)
  if (refusal === undefined) res.locals[guard.as] = entry.data
  return refusal
}

function factsOf(req: GuardedRequest & Carrier): RequestFacts<GuardedRequest> {
  const known = recordOf(req)
  if (known !== undefined) return known as RequestFacts<GuardedRequest>
  const facts = new RequestFacts(req, reader)
  keepRecord(req, facts)
  return facts
}

const reader: RequestReader<GuardedRequest> = {
  method: (req) => req.method,
  target: (req) => req.originalUrl,
  header: (req, name) => headerText(req.headers, name),
  address: (req) => {
    if (req.app.get('trust proxy') === true) {
      throw coreError(
        'ADDRESS_UNTRUSTED',
        "'trust proxy' is true, so req.ip is whatever the client writes; set it to the number of proxies in front, for example 1",
      )
    }
    return req.ip
  },
}

/**
 * Makes the error middleware of an application, mounted last: RFC 9457 problem details for every error, with the headers that guards had set.
 * A `SecurityError` shows its code; a 4xx of Express' own parsers and router, and the 404 of `res.sendFile`, keep their status; any other error
 * is a bare 500. No message of an error reaches the client. Once headers were sent the error goes on to Express, which closes the connection.
 *
 * @throws {TypeError} on unknown options, and when a framework calls it: write `problems()`.
 * @example
 * app.use(notFound())
 * app.use(problems({ onError: (error) => log.error(error) }))
 */
export function problems(options?: ProblemsOptions): ErrorRequestHandler
export function problems(options: ProblemsOptions = {}, ...rest: readonly unknown[]): ErrorRequestHandler {
  checkProblemsOptions(options, rest)
  return (error: unknown, req, res, next) => {
    const answer = answerTo(error, options, statusOfExpress(error), errorField(error, 'headers'))
    if (res.headersSent) {
      next(error)
      return
    }
    // A body that a parser gave up must still be read to its end, or the connection is stuck with it.
    req.unpipe()
    req.resume()
    sendAnswer(res, answer)
  }
}

function statusOfExpress(error: unknown): number | undefined {
  // The router's own: a path parameter that does not decode.
  if (error instanceof URIError && clientStatus(error) === 400) return 400
  return isMissingFile(error) ? 404 : exposedStatus(error)
}

const missingFile: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'])

/**
 * What `res.sendFile`, `res.download` and `express.static` make of a file that is not there: the error of the file system, with a status, and
 * marked as not for clients because its message names the path. The error of a handler that reads files itself has no status.
 */
function isMissingFile(error: unknown): boolean {
  return (
    clientStatus(error) === 404 &&
    errorField(error, 'expose') === false &&
    errorField(error, 'syscall') === 'stat' &&
    missingFile.has(errorField(error, 'code'))
  )
}

/**
 * Makes the middleware that ends what no route took, mounted after all routes: 404 `ROUTE_UNKNOWN` as a problem.
 *
 * @throws {TypeError} when a framework calls it: write `notFound()`.
 * @example
 * app.use(notFound())
 */
export function notFound(): RequestHandler
export function notFound(...given: readonly unknown[]): RequestHandler {
  checkNotFoundCalled(given)
  return (_req, res) => {
    sendAnswer(res, answerWith(toProblem(coreError('ROUTE_UNKNOWN', 'no route has this path', { status: 404 }))))
  }
}
