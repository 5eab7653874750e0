import { Breaker } from './breaker.ts'
import type { Commands } from './client.ts'
import { type Deadline, DeadlineError, Deadlines } from './deadlines.ts'
import { clientFailure, redisFailure } from './redis-failure.ts'
import { isAnswer, isUnknownScript, type Script } from './script.ts'

/** How long calls wait, and when they no longer try. */
export interface ConnectionOptions {
  readonly deadline: number
  readonly failures: number
  readonly probeEvery: number
}

/** Which servers there are. */
export interface Nodes {
  /** The one that serves a key. */
  of(key: string): string
  /** One does not answer: another may serve its keys by now. */
  lookAgain(): void
}

/** The breaker of a node, and what to ask the node for. */
interface Guarded {
  readonly breaker: Breaker
  /** The key of the newest failure: older ones may be with another node by now. */
  failedKey: string
}

/** Runs scripts on the servers of one client, within deadlines and behind breakers. */
export class Connection {
  readonly #client: Commands
  readonly #deadlines: Deadlines
  readonly #options: ConnectionOptions
  readonly #nodes: Nodes
  /** One a node, so that the dead primary of some slots does not stop the others. */
  readonly #guarded = new Map<string, Guarded>()

  constructor(client: Commands, options: ConnectionOptions, nodes: Nodes) {
    this.#client = client
    this.#deadlines = new Deadlines(options.deadline)
    this.#options = options
    this.#nodes = nodes
  }

  /** Does all steps of one call within one deadline. */
  async call<T>(steps: (deadline: Deadline) => Promise<T>): Promise<T> {
    const deadline = this.#deadlines.begin()
    try {
      return await steps(deadline)
    } finally {
      deadline.end()
    }
  }

  /**
   * Runs a script.
   *
   * @param parameters the keys, all of one slot, and what follows them.
   * @throws {RateLimitError} `WINDOW_STORE_FAILED` when there is no answer or an error, or at once while the node's breaker is open.
   */
  async run(script: Script, keys: number, parameters: readonly string[], deadline: Deadline): Promise<unknown> {
    const [key = ''] = parameters
    const node = this.#nodes.of(key)
    const breaker = this.#guarded.get(node)?.breaker
    if (breaker?.isOpen) throw redisFailure('Redis does not answer; it is asked again from time to time', 'breaker')
    try {
      const answer = await this.#answer(script, keys, parameters, deadline)
      breaker?.succeeded()
      return answer
    } catch (error) {
      if (isAnswer(error)) breaker?.succeeded()
      else this.#failed(node, key)
      if (!(error instanceof DeadlineError)) throw clientFailure(error)
      throw redisFailure(`Redis did not answer within ${this.#options.deadline} ms`, 'deadline')
    }
  }

  async #answer(script: Script, keys: number, parameters: readonly string[], deadline: Deadline): Promise<unknown> {
    try {
      return await deadline.within(script.run(this.#client, keys, parameters))
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return deadline.within(script.teach(this.#client, keys, parameters))
    }
  }

  #failed(node: string, key: string): void {
    let guarded = this.#guarded.get(node)
    if (guarded === undefined) {
      const { failures, probeEvery } = this.#options
      guarded = { breaker: new Breaker({ failures, probeEvery, probe: () => this.#probe(node) }), failedKey: key }
      this.#guarded.set(node, guarded)
    }
    guarded.failedKey = key
    guarded.breaker.failed()
  }

  /** Asks for something harmless, by a key that the node serves. */
  async #probe(node: string): Promise<void> {
    const key = this.#guarded.get(node)?.failedKey ?? ''
    // Another node's answer would say nothing of this one. If it still does not answer, the next calls bring keys that it serves.
    if (this.#nodes.of(key) !== node) return
    try {
      await this.call((deadline) => deadline.within(this.#client.exists(key)))
    } catch (error) {
      this.#nodes.lookAgain()
      throw error
    }
  }
}
