import { cryptoError } from '../errors.ts'

/** How many derived keys are kept: one in the normal case, a few after the cost or the process that wrapped first changed. */
const maxKept = 4
/** How many derivations may wait for their turn. A keyring asks for a few at once; a process has some keyrings. */
const maxWaiting = 32

interface Derivation {
  state: 'waiting' | 'running' | 'kept'
  /** Who asked before it began. */
  readonly callers: Set<AbortSignal>
  readonly key: Promise<Uint8Array>
}

/** Gives the key of a header; rejects with the signal's reason as soon as it aborts. */
export type DeriveKey = (header: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>

/**
 * Derives keys one after the other, because each may take a gigabyte: each header's once while it waits, runs or is kept. Headers come
 * from the key store, so whoever can write there chooses them: a derivation for which nobody waits any more never begins, and no more
 * than 32 may wait. One that began cannot be stopped.
 *
 * @param derive does the work.
 * @returns a function that rejects with `KEY_PROVIDER_FAILED` when too many wait.
 */
export function oneAtATime(derive: (header: Uint8Array) => Promise<Uint8Array>): DeriveKey {
  const known = new Map<string, Derivation>()
  let last: Promise<unknown> = Promise.resolve()

  const begin = (name: string, header: Uint8Array): Derivation => {
    refuseMore(known.values())
    const forget = () => known.get(name) === derivation && known.delete(name)
    const turn = async () => {
      if (!isWanted(derivation)) {
        // At once, so that a caller who comes now gets a turn of its own.
        forget()
        throw new Error('nobody waits for this key any more')
      }
      derivation.state = 'running'
      return derive(header)
    }
    const derivation: Derivation = { state: 'waiting', callers: new Set(), key: last.then(turn) }
    const keep = () => {
      derivation.state = 'kept'
      forgetOldest(known)
    }
    last = derivation.key.then(keep, forget)
    known.set(name, derivation)
    return derivation
  }

  return async (header, signal) => {
    signal.throwIfAborted()
    const name = header.join()
    const derivation = known.get(name) ?? begin(name, header)
    if (derivation.state === 'kept') return derivation.key
    if (derivation.state === 'waiting') derivation.callers.add(signal)
    return unlessAborted(signal, derivation.key)
  }
}

function isWanted({ callers }: Derivation): boolean {
  return [...callers].some((signal) => !signal.aborted)
}

function refuseMore(derivations: Iterable<Derivation>): void {
  const waiting = [...derivations].filter((each) => each.state === 'waiting' && isWanted(each))
  if (waiting.length < maxWaiting) return
  const message = `localKeyProvider: ${maxWaiting} keys are waiting to be derived already; does the key store ask for a salt each?`
  throw cryptoError('KEY_PROVIDER_FAILED', message, { status: 503 })
}

/** Those that wait or run stay: dropped, they would be derived twice. */
function forgetOldest(known: Map<string, Derivation>): void {
  const kept = [...known].filter(([, { state }]) => state === 'kept')
  for (const [name] of kept.slice(0, -maxKept)) known.delete(name)
}

async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (stop) signal.removeEventListener('abort', stop)
  }
}
