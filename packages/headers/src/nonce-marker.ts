/**
 * Stands in a policy where each answer has its nonce: `'script-src': [NONCE, "'strict-dynamic'"]`. It is a symbol, so no text that comes from
 * outside can spell it, and a registered one, so two copies of this package agree on it.
 */
export const NONCE: unique symbol = Symbol.for('@mosaajii/headers/NONCE')
