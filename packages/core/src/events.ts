import { type Clock, systemClock } from './clock.ts'
import type { Scalar } from './security-error.ts'

/** The kinds of value that a field of an event may have. `?` marks one that may be absent. */
export type EventFieldType = 'string' | 'number' | 'boolean' | 'string?' | 'number?' | 'boolean?'

/** One event of a package's table: whether it must be recorded, and the fields of its data. */
export interface EventSpec {
  /** A required event is written before its effect, and the action fails if it cannot be recorded. */
  readonly required: boolean
  readonly fields: Readonly<Record<string, EventFieldType>>
}

interface FieldTypes {
  string: string
  number: number
  boolean: boolean
}

type Always<Fields> = {
  readonly [F in keyof Fields as Fields[F] extends keyof FieldTypes ? F : never]: FieldTypes[Fields[F] &
    keyof FieldTypes]
}
type Sometimes<Fields> = {
  readonly [F in keyof Fields as Fields[F] extends `${string}?`
    ? F
    : never]?: Fields[F] extends `${infer T extends keyof FieldTypes}?` ? FieldTypes[T] : never
}

/**
 * The data of every event in a package's table, by name. A package merges it into {@link SecurityEvents}.
 *
 * @example
 * const tillEvents = { 'till.opened': { required: false, fields: { till: 'number', by: 'string?' } } } as const
 * declare module '@mosaajii/core' { interface SecurityEvents extends EventsOf<typeof tillEvents> {} }
 */
export type EventsOf<Table extends Readonly<Record<string, EventSpec>>> = {
  [Name in keyof Table]: Always<Table[Name]['fields']> & Sometimes<Table[Name]['fields']>
}

/** Every event that the packages in use can emit: event name to data. Each package adds its own by declaration merging. */
// oxlint-disable-next-line typescript/no-empty-object-type -- filled by the packages that emit
export interface SecurityEvents {}

/** The name of an event that some package in use emits. */
export type SecurityEventName = Extract<keyof SecurityEvents, string>

/** One thing that happened. Never holds a secret or a plaintext. */
export interface SecurityEvent<Data = Readonly<Record<string, Scalar>>> {
  /** The event's name, for example `keyring.rotate`. */
  readonly name: string
  /** When it was written, in milliseconds since 1970. */
  readonly time: number
  /** Its fields, as the table of the emitting package lists them. */
  readonly data: Data
  /** For a required event: the id that its intent and its outcome share. */
  readonly action?: string
  /** For a required event: `intent` before the effect, then `done` or `failed`. */
  readonly phase?: 'intent' | 'done' | 'failed'
}

/** Where events go: a log, a queue, a test. A sink may be slow or fail; {@link emit} never lets that reach the caller. */
export interface EventSink {
  /** Takes one event. A returned promise that resolves means: recorded. A throw or a rejection means: not recorded. */
  write(event: SecurityEvent): void | Promise<void>
}

/**
 * A sink that records nothing: the explicit way to run without a log.
 *
 * @example
 * const keyring = await openKeyring({ provider, store, events: discardEvents() })
 */
export function discardEvents(): EventSink {
  return { write: () => undefined }
}

/**
 * Emits a best-effort event: it never delays, throws or rejects, whatever the sink does.
 *
 * @example
 * emit(events, 'till.opened', { till: 3 })
 */
export function emit<Name extends SecurityEventName>(
  sink: EventSink,
  name: Name,
  data: SecurityEvents[Name],
  clock: Clock = systemClock,
): void {
  try {
    const written = sink.write({ name, time: clock.now(), data })
    // A promise without a handler would end the process when it rejects.
    if (written) Promise.resolve(written).catch(() => undefined)
  } catch {
    // Best effort: the caller's work goes on.
  }
}
