/** Where the SDK reads the time. Hand in your own to test what time does. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number
}

/** The clock of the machine. */
export const systemClock: Clock = Object.freeze({ now: () => Date.now() })
