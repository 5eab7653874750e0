import { checkOptions } from './options.ts'

/** A value that may appear in an error's client-safe `detail` or in an event's data. */
export type Scalar = string | number | boolean | null

/** What a {@link SecurityError} is made of besides its code and message. */
export interface SecurityErrorOptions {
  /** The HTTP status that the error stands for, 400 to 599. Default 500. */
  readonly status?: number
  /** Facts that a client may see. Never put a secret or an input value here. */
  readonly detail?: Readonly<Record<string, Scalar>>
  /** The error underneath. It stays in the process: `toProblem()` never shows it. */
  readonly cause?: unknown
}

const brand = Symbol.for('@mosaajii/core/SecurityError')

const optionNames: readonly string[] = ['status', 'detail', 'cause']

/**
 * The one error class of the SDK. `code` is a literal that a program can switch on; each package exports the union of its codes.
 *
 * @throws {TypeError} when `code` is not up to 64 capitals, digits and `_` that begin with a capital, or on unknown options.
 * @throws {RangeError} when `status` is not an integer from 400 to 599.
 * @example
 * throw new SecurityError('ORDER_LOCKED', 'the order is locked', { status: 409, detail: { order: 7 } })
 */
export class SecurityError<Code extends string = string> extends Error {
  readonly code: Code
  readonly status: number
  readonly detail: Readonly<Record<string, Scalar>>

  constructor(code: Code, message: string, options: SecurityErrorOptions = {}) {
    checkOptions(options, 'SecurityError', optionNames)
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    const { status = 500, detail = {} } = options
    if (typeof code !== 'string' || !/^[A-Z][A-Z0-9_]{0,63}$/.test(code)) {
      throw new TypeError("SecurityError: give a code such as 'ORDER_LOCKED'")
    }
    if (!isErrorStatus(status)) throw new RangeError('SecurityError: give a status from 400 to 599')
    this.name = new.target.name
    this.code = code
    this.status = status
    this.detail = Object.freeze({ ...detail })
  }
}

function isErrorStatus(status: unknown): boolean {
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599
}

// A registered symbol, because two copies of this package in one process (a common npm accident), or one in another realm (a test runner's
// VM context, where even `instanceof Error` fails), must still know each other's errors.
Object.defineProperty(SecurityError.prototype, brand, { value: true })

/**
 * Tells whether a caught value is a {@link SecurityError}, also one that another copy of this package threw.
 *
 * @example
 * try { work() } catch (error) { if (isSecurityError(error) && error.code === 'DECRYPT_FAILED') report() }
 */
export function isSecurityError(value: unknown): value is SecurityError {
  if (typeof value !== 'object' || value === null) return false
  try {
    if ((value as { [brand]?: unknown })[brand] !== true) return false
    // The brand is inherited; an object that was only made from the prototype is no error that anyone can show.
    const { code, status, detail } = value as Partial<SecurityError>
    return typeof code === 'string' && isErrorStatus(status) && typeof detail === 'object' && detail !== null
  } catch {
    return false
  }
}
