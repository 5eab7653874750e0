/**
 * Lets the process do everything else that waits. The embedded database answers without ever waiting, so a loop over many rows must call
 * this from time to time: else no request is answered meanwhile, and the keyring cannot refresh.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Waits for some milliseconds. */
export function rest(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
