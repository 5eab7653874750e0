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

  /**
   * Runs it. A server that does not know it has run nothing, so it gets the text: after a restart, a failover or `SCRIPT FLUSH`. Both commands
   * name the same keys and so go to the same node.
   *
   * @param parameters the keys, and what follows them.
   */
  run(client: Commands, keys: number, parameters: readonly string[]): Promise<unknown> {
    return client.evalshaBuffer(this.#sha, keys, ...parameters).catch((error: unknown) => {
      if (!isUnknownScript(error)) throw error
      return client.evalBuffer(this.#text, keys, ...parameters)
    })
  }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
