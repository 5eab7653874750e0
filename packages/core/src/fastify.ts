import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { coreError } from './errors.ts'
import { clientStatus, errorField, exposedStatus } from './foreign-error.ts'
import type { Guard, HeaderPair, Verdict } from './guard.ts'
import { headersFrom } from './headers-from.ts'
import { checkGuard, soundCheckOf } from './guard-state/check-guard.ts'
import { headerText, RequestFacts, type RequestReader } from './guard-state/facts.ts'
import { asError, isPending, keep, refusalOf } from './guard-state/keep.ts'
import { type Carrier, recordKey } from './guard-state/record.ts'
import { latePut } from './late-headers.ts'
import { applyEntry, nameReason, type Put } from './node-response.ts'
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

export type { ProblemsOptions } from './problem-answer.ts'

/** A Fastify `onRequest` hook that was made of a guard. */
export type GuardHook<K extends string, T> = ((
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction,
) => void) & {
  /** What it was made of: `dataOf(request, hook.guard)`. */
  readonly guard: Guard<K, T>
}

/** A Fastify plugin that was made of a guard. */
export type GuardPlugin<K extends string, T> = ((instance: FastifyInstance) => Promise<void>) & {
  /** What it was made of: `dataOf(request, plugin.guard)`. */
  readonly guard: Guard<K, T>
}

/**
 * Makes an `onRequest` hook of a guard, for one route or one scope. Its data is read with `dataOf(request, guard)`, or as `reply[guard.as]`.
 * It replaces a guard of the same name further out, with its headers. They lie on `reply.raw`, so that `reply.hijack()` keeps them.
 *
 * @throws {TypeError} when it is no guard, or its name cannot be used.
 * @example
 * app.get('/', { onRequest: toHook(tillGuard) }, (request) => dataOf(request, tillGuard))
 */
export function toHook<K extends string, T>(guard: Guard<K, T>): GuardHook<K, T> {
  checkReplyName(guard, 'toHook')
  const soundCheck = soundCheckOf(guard)
  const putSound = latePut(true)
  const putAny = latePut(false)
  const hook = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void => {
    let refusal: Error | undefined
    try {
      if (reply.raw === undefined) throw usedAsPlugin(guard.as)
      const facts = factsOf(request)
      const put = guard.check === soundCheck ? putSound : putAny
      const verdict = guard.check(facts)
      if (isPending(verdict)) {
        void passLater(verdict, guard, facts, reply, put, done)
        return
      }
      refusal = admit(facts, guard, verdict, reply, put)
    } catch (thrown) {
      refusal = asError(thrown, guard.as)
    }
    done(refusal)
  }
  return Object.assign(hook, { guard })
}

async function passLater<T>(
  pending: Promise<Verdict<T>>,
  guard: Guard<string, T>,
  facts: RequestFacts<FastifyRequest>,
  reply: FastifyReply,
  put: Put,
  done: HookHandlerDoneFunction,
): Promise<void> {
  let refusal: Error | undefined
  try {
    refusal = admit(facts, guard, await pending, reply, put)
  } catch (thrown) {
    refusal = asError(thrown, guard.as)
  }
  done(refusal)
}

function admit<T>(
  facts: RequestFacts<FastifyRequest>,
  guard: Guard<string, T>,
  verdict: Verdict<T>,
  reply: FastifyReply,
  put: Put,
): Error | undefined {
  const entry = keep(facts, guard, verdict)
  applyEntry(reply.raw, facts, entry, verdict.pass ? verdict.settled : undefined, put)
  const refusal = refusalOf(verdict, guard.as)
  if (refusal === undefined) (reply as unknown as Record<string, unknown>)[guard.as] = entry.data
  return refusal
}

/**
 * Makes a plugin of a guard, for all routes of the scope that registers it, those that are defined before and 404 included. It is not
 * encapsulated, as if wrapped by fastify-plugin, and declares `reply[guard.as]`.
 *
 * @throws {TypeError} when it is no guard, or its name cannot be used.
 * @example
 * await app.register(toPlugin(tillGuard))
 */
export function toPlugin<K extends string, T>(guard: Guard<K, T>): GuardPlugin<K, T> {
  const hook = toHook(guard)
  // Asynchronous, because Fastify lets what a plugin with a callback throws end the process.
  const plugin = async (instance: FastifyInstance): Promise<void> => {
    if (typeof instance.register !== 'function') throw usedAsHook(guard.as)
    declare(instance, guard.as)
    instance.addHook('onRequest', hook)
  }
  const name = `@mosaajii/guard-${guard.as}`
  // What fastify-plugin sets.
  return Object.assign(plugin, {
    guard,
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: name,
    [Symbol.for('plugin-meta')]: { name, fastify: '5.x' },
  })
}

function usedAsPlugin(as: string): TypeError {
  return new TypeError(
    `the guard '${as}' is a hook here, for a route's onRequest; app.register takes a plugin: toPlugin(guard), or the function whose name does not end in Hook`,
  )
}

function usedAsHook(as: string): TypeError {
  return new TypeError(
    `the guard '${as}' is a plugin here, for app.register(…); a route's onRequest takes a hook: toHook(guard), or the function whose name ends in Hook`,
  )
}

/** Declares `reply[as]` once a scope. What some other plugin has declared under that name stays an error of Fastify. */
function declare(instance: FastifyInstance, as: string): void {
  const ours = Symbol.for(`@mosaajii/core/reply/${as}`)
  if (instance.hasDecorator(ours)) return
  instance.decorateReply(as, null)
  instance.decorate(ours, true)
}

/** What Fastify's reply is made of. A guard's data must not take its place. */
const replyNames = (
  'raw request log server context routeOptions elapsedTime mediaType sent statusCode send code status header headers getHeader getHeaders ' +
  'hasHeader removeHeader trailer hasTrailer removeTrailer type redirect serialize serializer serializeInput getSerializationFunction ' +
  'compileSerializationSchema callNotFound hijack writeEarlyHints getDecorator then'
).split(' ')

function checkReplyName(guard: Guard<string, unknown>, who: string): void {
  checkGuard(guard, who)
  if (replyNames.includes(guard.as)) {
    throw new TypeError(`${who}: a guard cannot be named '${guard.as}', which is a part of Fastify's reply`)
  }
}

function factsOf(request: FastifyRequest & Carrier): RequestFacts<FastifyRequest> {
  const known = request[recordKey]
  if (known !== undefined) return known as RequestFacts<FastifyRequest>
  const facts = new RequestFacts<FastifyRequest>(request, reader)
  request[recordKey] = facts
  return facts
}

const reader: RequestReader<FastifyRequest> = {
  method: (request) => request.method,
  target: (request) => request.originalUrl,
  header: (request, name) => headerText(request.raw.headers, name),
  address: (request) => request.ip,
}

/**
 * Makes the error handler of an application: RFC 9457 problem details for every error, with the headers that guards had set. A `SecurityError`
 * shows its code; a 4xx of Fastify's own (`FST_…`, validation) keeps its status; any other error is a bare 500. No message of an error reaches
 * the client. Once headers were sent the error goes on to Fastify, which closes the connection.
 *
 * @throws {TypeError} on unknown options, and when a framework calls it: write `problems()`.
 * @example
 * app.setErrorHandler(problems({ onError: (error) => log.error(error) }))
 */
export function problems(
  options?: ProblemsOptions,
): (error: unknown, request: FastifyRequest, reply: FastifyReply) => void
export function problems(
  options: ProblemsOptions = {},
  ...rest: readonly unknown[]
): (error: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  checkProblemsOptions(options, rest)
  return (error, _request, reply) => {
    const answer = answerTo(error, options, statusOfFastify(error), errorField(error, 'headers'))
    if (reply.raw.headersSent) reply.send(error)
    else sendAnswer(reply, answer)
  }
}

function statusOfFastify(error: unknown): number | undefined {
  const code = errorField(error, 'code')
  const isItsOwn =
    (typeof code === 'string' && code.startsWith('FST_')) || Array.isArray(errorField(error, 'validation'))
  // Before 5.4 a body that was no JSON came as the parser's SyntaxError with a status.
  const isOldParsers = error instanceof SyntaxError && clientStatus(error) === 400
  return isItsOwn || isOldParsers ? clientStatus(error) : exposedStatus(error)
}

function sendAnswer(reply: FastifyReply, answer: ProblemAnswer): void {
  for (const name of abandonedHeaders) reply.removeHeader(name)
  for (const [name, value] of answer.headers) reply.header(name, value)
  nameReason(reply.raw, answer)
  // As bytes: Fastify would add a charset to the media type of a text, and run it through response schemas.
  reply.code(answer.status).send(new TextEncoder().encode(answer.body))
}

/**
 * Makes the handler of what no route took: 404 `ROUTE_UNKNOWN` as a problem.
 *
 * @throws {TypeError} when a framework calls it: write `notFound()`.
 * @example
 * app.setNotFoundHandler(notFound())
 */
export function notFound(): (request: FastifyRequest, reply: FastifyReply) => void
export function notFound(...given: readonly unknown[]): (request: FastifyRequest, reply: FastifyReply) => void {
  checkNotFoundCalled(given)
  return (_request, reply) => {
    sendAnswer(reply, answerWith(toProblem(coreError('ROUTE_UNKNOWN', 'no route has this path', { status: 404 }))))
  }
}

/**
 * Makes the server option `frameworkErrors`: a URL that does not decode or has too long a parameter passes no hook of Fastify's, so no guard
 * sees it. It is answered as a problem with these headers.
 *
 * @param headers called for each such request, for example `() => compiled.pairs()`. What it throws is ignored.
 * @example
 * const app = fastify({ frameworkErrors: frameworkErrors(() => [['X-Content-Type-Options', 'nosniff']]) })
 */
export function frameworkErrors(
  headers: () => readonly HeaderPair[] = () => [],
): (error: unknown, request: unknown, reply: unknown) => void {
  return (error, _request, reply) => {
    const answer = answerTo(error, {}, statusOfFastify(error))
    sendAnswer(reply as FastifyReply, { ...answer, headers: [...headersFrom(headers), ...answer.headers] })
  }
}
