/**
 * Why a store failed, in one word: the `reason` that a `WINDOW_STORE_FAILED` may have, for Redis the word of its reply (`NOPERM`, `OOM`), or
 * `deadline`, `breaker` or `connection`; else the error's code or its name. Never part of a message, which may show a key or where the store is.
 */
export function storeFailure(error: unknown): string {
  try {
    const { code, name, reason } = error as { code?: unknown; name?: unknown; reason?: unknown }
    const words = code === 'WINDOW_STORE_FAILED' ? [reason, code] : [code, name]
    for (const word of words) if (typeof word === 'string' && /^\w{1,64}$/.test(word)) return word
  } catch {
    // An error whose fields throw has no name.
  }
  return 'unknown'
}
