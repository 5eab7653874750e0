import type { Clock } from '@mosaajii/core'

/** What the acquirer must know to authorise a card payment. */
export interface AuthorisationRequest {
  readonly payment: string
  readonly amount: number
  readonly currency: string
  /** Opens the card number at the moment of sending. */
  readonly pan: () => string
  /** The month in which the card ends, `YYYY-MM`. */
  readonly expiry: string
  /** Opens the card verification value at the moment of sending; absent when the customer gave none. */
  readonly cvv?: () => string
}

/** Authorised with a code, or declined: both are ordinary answers. */
export type Authorisation = { readonly approved: true; readonly code: string } | { readonly approved: false }

/** The line to the acquirer, who asks the card's bank. */
export interface Acquirer {
  authorise(request: AuthorisationRequest): Promise<Authorisation>
  /** Takes an authorisation back, when the shop could not record it. */
  reverse(code: string): Promise<void>
}

/** The generated card that {@link standInAcquirer} always declines. */
export const decliningCard = '4000000000000002'

/**
 * A stand-in that runs in this process and speaks to no bank. It declines one known card, any ended card, and the verification value
 * `000`; it approves everything else.
 */
export function standInAcquirer(clock: Clock): Acquirer {
  return {
    authorise: async ({ pan, expiry, cvv }) => {
      const ended = expiry < new Date(clock.now()).toISOString().slice(0, 7)
      if (ended || pan() === decliningCard || cvv?.() === '000') return { approved: false }
      return { approved: true, code: authorisationCode() }
    },
    reverse: async () => undefined,
  }
}

function authorisationCode(): string {
  const [number = 0] = globalThis.crypto.getRandomValues(new Uint32Array(1))
  return String(number % 1_000_000).padStart(6, '0')
}
