import { isSecurityError, type Scalar, SecurityError } from '@mosaajii/core'

const statuses = {
  INPUT_INVALID: 422,
  BODY_NOT_JSON: 400,
  BODY_INCOMPLETE: 400,
  CONTENT_TYPE_REFUSED: 415,
  BODY_TOO_LARGE: 413,
  CUSTOMER_UNKNOWN: 404,
  PAYMENT_UNKNOWN: 404,
  RECEIPT_UNKNOWN: 404,
  EMAIL_TAKEN: 409,
  CARD_DECLINED: 402,
  CVV_NOT_KEPT: 422,
  ADMIN_TOKEN_WRONG: 403,
  FORM_TOKEN_WRONG: 403,
  REENCRYPTION_RUNNING: 409,
  KEY_IN_USE: 409,
  HTTPS_REQUIRED: 403,
  DATABASE_BUSY: 503,
} as const

/** Every code that the shop itself throws; the SDK's codes come beside them. */
export type ShopErrorCode = keyof typeof statuses

/** A refusal of the shop. Its detail holds facts that a client may see, never an input value. */
export class ShopError extends SecurityError<ShopErrorCode> {
  constructor(code: ShopErrorCode, message: string, detail: Record<string, Scalar> = {}, cause?: unknown) {
    super(code, message, { status: statuses[code], detail, ...(cause !== undefined && { cause }) })
  }
}

/** The code of anything that was thrown, for a list or a status: `INTERNAL` when it is not one of ours. */
export function codeOf(error: unknown): string {
  return isSecurityError(error) ? error.code : 'INTERNAL'
}
