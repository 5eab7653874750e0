import { createHash } from 'node:crypto'
import type { Commands } from './client.ts'

/** A Lua script, and the name by which a server that has seen it runs it. */
export class Script {
  readonly #text: string
  readonly #sha: string

  constructor(text: string) {
    this.#text = text
    this.#sha = createHash('sha1').update(text).digest('hex')
  }

  /** Runs it by its name. @param parameters the keys, and what follows them. */
  run(client: Commands, keys: number, parameters: readonly string[]): Promise<unknown> {
    return client.evalshaBuffer(this.#sha, keys, ...parameters)
  }

  /** Runs it by its text. The keys are the same, so it goes to the same node. */
  teach(client: Commands, keys: number, parameters: readonly string[]): Promise<unknown> {
    return client.evalBuffer(this.#text, keys, ...parameters)
  }
}

/** Whether a server did not know a script: after a restart, a failover or `SCRIPT FLUSH`. It has run nothing. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
