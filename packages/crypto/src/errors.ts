import { SecurityError, type Scalar } from '@mosaajii/core'

/** Every code that `@mosaajii/crypto` throws. */
export type CryptoErrorCode =
  | 'DECRYPT_FAILED'
  | 'KEY_VERSION_UNKNOWN'
  | 'KEYRING_STALE'
  | 'KEYRING_CLOSED'
  | 'KEY_PROVIDER_FAILED'
  | 'KEY_STORE_FAILED'
  | 'KEY_DESTRUCTION_REFUSED'
  | 'EVENT_NOT_RECORDED'
  | 'FIELD_REFUSED'
  | 'SEAL_INPUT_INVALID'
  | 'SEAL_INPUT_TOO_LONG'
  | 'ALREADY_SEALED'
  | 'ROW_INVALID'
  | 'INDEX_INPUT_INVALID'
  | 'REENCRYPTION_STOPPED'

/** An error of this package that has no class of its own. */
export class CryptoError extends SecurityError<CryptoErrorCode> {}

/**
 * A sealed value could not be opened. It is the same for every cause - wrong row, changed byte, wrong key, expired value - so that it
 * tells an attacker nothing; the cause goes to the `field.openFailed` event.
 */
export class DecryptError extends SecurityError<'DECRYPT_FAILED'> {
  constructor() {
    super('DECRYPT_FAILED', 'the value could not be opened; the field.openFailed event has the reason')
  }
}

/** The value names a key version that this instance does not know yet. Its header is public, so saying so reveals nothing. */
export class UnknownKeyVersionError extends SecurityError<'KEY_VERSION_UNKNOWN'> {
  /** The version that the value's header names. */
  readonly keyVersion: number

  constructor(keyVersion: number) {
    super(
      'KEY_VERSION_UNKNOWN',
      'the key version is not known here yet; a refresh was scheduled, or await openAsync()',
      {
        status: 503,
      },
    )
    this.keyVersion = keyVersion
  }
}

/** Shorthand for a {@link CryptoError} of one code. */
export function cryptoError(
  code: CryptoErrorCode,
  message: string,
  options: { status?: number; detail?: Record<string, Scalar>; cause?: unknown } = {},
): CryptoError {
  return new CryptoError(code, message, options)
}

/** Whether a caught value is an error of one of this package's codes. */
export function hasCode(error: unknown, code: CryptoErrorCode): boolean {
  return error instanceof CryptoError && error.code === code
}
