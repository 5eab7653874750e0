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

/** What a server says when it cannot serve anybody, or not now: other calls would hear the same. */
const outages: ReadonlySet<string> = new Set([
  'BUSY',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'NOREPLICAS',
  'NOSCRIPT',
  'OOM',
  'READONLY',
  'TRYAGAIN',
])

/** Whether a server answered, and only this call has failed: for example because something else is stored under its key. */
export function isAnswer(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return false
  return !outages.has(error.message.split(' ', 1)[0] ?? '')
}
