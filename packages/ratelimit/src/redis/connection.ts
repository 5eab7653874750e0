import { RateLimitError } from '../errors.ts'
import { Breaker } from './breaker.ts'
import type { Commands } from './client.ts'
import { type Deadline, DeadlineError, Deadlines } from './deadlines.ts'
import { isUnknownScript, type Script } from './script.ts'

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

/** Runs scripts on the servers of one client, within deadlines and behind breakers. */
export class Connection {
  readonly #client: Commands
  readonly #deadlines: Deadlines
  readonly #options: ConnectionOptions
  readonly #nodes: Nodes
  /** One a node, so that the dead primary of some slots does not stop the others. */
  readonly #breakers = new Map<string, Breaker>()

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
   * @throws {RateLimitError} `WINDOW_STORE_FAILED` when there is no answer, or at once while the node's breaker is open.
   */
  async run(script: Script, keys: number, parameters: readonly string[], deadline: Deadline): Promise<unknown> {
    const [key = ''] = parameters
    const node = this.#nodes.of(key)
    const breaker = this.#breakers.get(node)
    if (breaker?.isOpen) throw failed('Redis does not answer; it is asked again from time to time')
    try {
      const answer = await this.#answer(script, keys, parameters, deadline)
      breaker?.succeeded()
      return answer
    } catch (error) {
      this.#breakerOf(node, key).failed()
      throw failed(reasonOf(error, this.#options.deadline))
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

  #breakerOf(node: string, key: string): Breaker {
    let breaker = this.#breakers.get(node)
    if (breaker === undefined) {
      const { failures, probeEvery } = this.#options
      breaker = new Breaker({ failures, probeEvery, probe: () => this.#probe(key) })
      this.#breakers.set(node, breaker)
    }
    return breaker
  }

  /** Asks for something harmless, by a key that the node serves. */
  async #probe(key: string): Promise<void> {
    try {
      await this.call((deadline) => deadline.within(this.#client.exists(key)))
    } catch (error) {
      this.#nodes.lookAgain()
      throw error
    }
  }
}

/** The cause is left out: a client's errors carry the command, and with it the names of counters. */
function failed(reason: string): RateLimitError {
  return new RateLimitError('WINDOW_STORE_FAILED', `redisStore: ${reason}`, { status: 503 })
}

function reasonOf(error: unknown, deadline: number): string {
  if (error instanceof DeadlineError) return `Redis did not answer within ${deadline} ms`
  return error instanceof Error ? error.message.slice(0, 200) : 'the client failed'
}
