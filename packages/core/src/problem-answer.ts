import type { HeaderPair } from './guard.ts'
import { headersOf } from './foreign-error.ts'
import { headersFrom } from './headers-from.ts'
import { checkOptions } from './options.ts'
import { partsOf, type Problem, problemOf, titleOf, toProblem } from './problem.ts'

/** Options of `problems()`, the same on each framework. */
export interface ProblemsOptions {
  /** Told of every error and of what the client sees of it, unless its answer had already begun; for logs. What it throws is ignored. */
  readonly onError?: (error: unknown, problem: Problem) => void
}

/**
 * Checks the options of `problems()`. Handed to a framework as it is, it would be called with an error or a request, and answer nothing.
 *
 * @param rest what it was called with besides.
 */
export function checkProblemsOptions(options: ProblemsOptions, rest: readonly unknown[]): void {
  if (rest.length > 0 || !isPlainObject(options)) {
    throw new TypeError('problems: give a plain options object, or none; call it: problems()')
  }
  checkOptions(options, 'problems', ['onError'])
  if (options.onError !== undefined && typeof options.onError !== 'function') {
    throw new TypeError("problems: 'onError' is a function")
  }
}

/** Also one of another realm, or without a prototype. */
function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Checks that `notFound` was called, and not handed to a framework as it is. */
export function checkNotFoundCalled(given: readonly unknown[]): void {
  if (given.length > 0) throw new TypeError('notFound: it was handed to the framework as it is; call it: notFound()')
}

/** What goes to the client for an error. */
export interface ProblemAnswer {
  readonly status: number
  /** JSON. */
  readonly body: string
  /** That of the status, for HTTP/1.1. */
  readonly title: string
  readonly headers: readonly HeaderPair[]
}

/** The headers of every problem: RFC 9457, and never from a cache. */
const problemHeaders: readonly HeaderPair[] = [
  ['content-type', 'application/problem+json'],
  ['cache-control', 'no-store'],
]

/** Headers of an answer that was begun and given up: they speak of a body that is not sent. */
export const abandonedHeaders: readonly string[] = [
  'content-encoding',
  'content-language',
  'content-range',
  'content-length',
  'content-disposition',
  'content-location',
  'transfer-encoding',
  'trailer',
  'etag',
  'last-modified',
]

/**
 * The answer to an error.
 *
 * @param foreignStatus the 4xx of a framework's own error; `undefined` for any other foreign error.
 * @param foreignHeaders the headers of the framework's own error.
 */
export function answerTo(
  error: unknown,
  options: ProblemsOptions,
  foreignStatus?: number,
  foreignHeaders?: unknown,
): ProblemAnswer {
  const { problem, answer } = madeOf(error, foreignStatus, foreignHeaders)
  tell(options, error, problem)
  return answer
}

/** An error whose fields throw, or are nothing that JSON knows, is a bare 500: the framework would show what was thrown here. */
function madeOf(
  error: unknown,
  foreignStatus: number | undefined,
  foreignHeaders: unknown,
): { problem: Problem; answer: ProblemAnswer } {
  try {
    const isForeign = foreignStatus !== undefined
    const problem = isForeign ? problemOf(foreignStatus) : toProblem(error)
    const headers = isForeign ? headersOf(foreignHeaders) : headersFrom(() => partsOf(error).headers ?? [])
    return { problem, answer: answerWith(problem, headers) }
  } catch {
    const problem = problemOf(500)
    return { problem, answer: answerWith(problem) }
  }
}

/** The answer that carries a problem. */
export function answerWith(problem: Problem, headers: readonly HeaderPair[] = []): ProblemAnswer {
  return {
    status: problem.status,
    title: titleOf(problem.status),
    body: JSON.stringify(problem),
    headers: [...headers, ...problemHeaders],
  }
}

function tell({ onError }: ProblemsOptions, error: unknown, problem: Problem): void {
  try {
    const told: unknown = onError?.(error, problem)
    // An async one that fails would otherwise end the process.
    if (told instanceof Promise) told.catch(() => undefined)
  } catch {
    // A log that fails is no reason to fail the answer.
  }
}
