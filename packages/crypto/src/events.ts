import { type Clock, type EventSink, type EventsOf, type Scalar, type SecurityEvents } from '@mosaajii/core'
import { withDeadline } from './deadline.ts'
import { cryptoError } from './errors.ts'

/** The events of this package: what a log can check at run time. */
export const cryptoEvents = {
  'keyring.create': { required: true, fields: { keyring: 'string', provider: 'string' } },
  'keyring.unwrap': {
    required: true,
    fields: { keyring: 'string', provider: 'string', purpose: 'string', keyVersion: 'number' },
  },
  'keyring.rotate': {
    required: true,
    fields: { keyring: 'string', provider: 'string', purpose: 'string', keyVersion: 'number' },
  },
  'keyring.destroy': { required: true, fields: { keyring: 'string', purpose: 'string', keyVersion: 'number' } },
  'keyring.refreshFailed': { required: false, fields: { keyring: 'string', code: 'string' } },
  'field.openFailed': {
    required: false,
    fields: { keyring: 'string', table: 'string', column: 'string', reason: 'string', keyVersion: 'number?' },
  },
} as const

declare module '@mosaajii/core' {
  interface SecurityEvents extends EventsOf<typeof cryptoEvents> {}
}

/** The names of the events that must be recorded before their effect. */
export type RequiredEventName = {
  [Name in keyof typeof cryptoEvents]: (typeof cryptoEvents)[Name]['required'] extends true ? Name : never
}[keyof typeof cryptoEvents]

/** Where required events go, and how long the sink may take for each, in milliseconds. */
export interface Recorder {
  readonly events: EventSink
  readonly clock: Clock
  readonly deadline: number
}

/**
 * Does something that a required event must precede: writes the intent, does it, writes the outcome under the same action id.
 *
 * @throws {CryptoError} `EVENT_NOT_RECORDED` when the intent could not be written, or not within the deadline; nothing was done then.
 */
export async function recorded<Name extends RequiredEventName, T>(
  { events, clock, deadline }: Recorder,
  name: Name,
  data: SecurityEvents[Name],
  effect: () => Promise<T>,
): Promise<T> {
  const action = globalThis.crypto.randomUUID()
  const write = async (phase: 'intent' | 'done' | 'failed') => {
    const copy = { ...data } as unknown as Readonly<Record<string, Scalar>>
    // A sink that never answers must not stop the keyring for good.
    await withDeadline(
      deadline,
      async () => events.write({ name, time: clock.now(), data: copy, action, phase }),
      () => new Error(`the sink did not answer within ${deadline} ms`),
    )
  }
  try {
    await write('intent')
  } catch (cause) {
    throw cryptoError('EVENT_NOT_RECORDED', `${name} was not done, because its event could not be recorded`, {
      status: 503,
      cause,
    })
  }
  try {
    const result = await effect()
    // The effect stands: a lost outcome must not make the caller repeat it. The intent is in the log under the same action.
    await write('done').catch(() => undefined)
    return result
  } catch (error) {
    await write('failed').catch(() => undefined)
    throw error
  }
}
