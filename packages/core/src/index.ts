export { type Clock, systemClock } from './clock.ts'
export { dataOf } from './data-of.ts'
export { type Duration, duration } from './duration.ts'
export type { CoreErrorCode } from './errors.ts'
export {
  discardEvents,
  type EventFieldType,
  type EventSink,
  type EventSpec,
  type EventsOf,
  emit,
  type SecurityEvent,
  type SecurityEventName,
  type SecurityEvents,
} from './events.ts'
export type { Answer, Facts, Guard, HeaderPair, Slot, Verdict } from './guard.ts'
export { checkOptions } from './options.ts'
export { type Problem, type ProblemParts, toProblem } from './problem.ts'
export { isSecurityError, type Scalar, SecurityError, type SecurityErrorOptions } from './security-error.ts'
