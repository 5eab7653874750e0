import type { HeaderPair } from './guard.ts'
import { headersOf } from './foreign-error.ts'
import { checkOptions } from './options.ts'
import { type Problem, problemOf, toProblem } from './problem.ts'

/** Options of `problems()`, the same on each framework. */
export interface ProblemsOptions {
  /** Told of every error and of what the client sees of it, unless its answer had already begun; for logs. What it throws is ignored. */
  readonly onError?: (error: unknown, problem: Problem) => void
}

/** Checks the options of `problems()`. */
export function checkProblemsOptions(options: ProblemsOptions): void {
  checkOptions(options, 'problems', ['onError'])
  if (options.onError !== undefined && typeof options.onError !== 'function') {
    throw new TypeError("problems: 'onError' is a function")
  }
}

/** What goes to the client for an error. */
export interface ProblemAnswer {
  readonly status: number
  /** JSON. */
  readonly body: string
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
  const problem = foreignStatus === undefined ? toProblem(error) : problemOf(foreignStatus)
  tell(options, error, problem)
  return answerWith(problem, foreignStatus === undefined ? [] : headersOf(foreignHeaders))
}

/** The answer that carries a problem. */
export function answerWith(problem: Problem, headers: readonly HeaderPair[] = []): ProblemAnswer {
  return {
    status: problem.status,
    title: problem.title,
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
