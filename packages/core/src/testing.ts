import { duration, type Clock, type Duration, type EventSink, type SecurityEvent } from '@mosaajii/core'

/** A clock that stands still until a test moves it. */
export interface SettableClock extends Clock {
  /** Sets the time, in milliseconds since 1970. */
  set(ms: number): void
  /** Moves the time forward. */
  advance(by: Duration): void
}

/**
 * Makes a clock for tests.
 *
 * @param start milliseconds since 1970. Default: 2026-01-01T00:00:00Z.
 * @throws {RangeError} from `set` when the time is not a safe integer of at least 0.
 * @example
 * const clock = settableClock()
 * clock.advance('90d')
 */
export function settableClock(start: number = Date.UTC(2026, 0, 1)): SettableClock {
  let time = checked(start)
  return {
    now: () => time,
    set: (ms) => {
      time = checked(ms)
    },
    advance: (by) => {
      time = checked(time + duration(by))
    },
  }
}

function checked(ms: number): number {
  if (!Number.isSafeInteger(ms) || ms < 0) throw new RangeError('settableClock: give milliseconds since 1970')
  return ms
}

/** A sink that keeps what it was given, and can be told to fail. */
export interface RecordingSink extends EventSink {
  /** All events so far, oldest first. */
  readonly events: readonly SecurityEvent[]
  /** The events of one name, oldest first. */
  named(name: string): readonly SecurityEvent[]
  /** From now on `write` rejects with this error; `undefined` ends that. */
  failWith(error: Error | undefined): void
}

/**
 * Makes a sink for tests.
 *
 * @example
 * const sink = recordingSink()
 * await sink.write({ name: 'till.opened', time: 0, data: { till: 3 } })
 * sink.named('till.opened').length // 1
 */
export function recordingSink(): RecordingSink {
  const events: SecurityEvent[] = []
  let failure: Error | undefined
  return {
    events,
    named: (name) => events.filter((event) => event.name === name),
    failWith: (error) => {
      failure = error
    },
    write: async (event) => {
      if (failure) throw failure
      events.push(event)
    },
  }
}
