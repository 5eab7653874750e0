// Compiled against every TypeScript, with nothing installed but the packages.
import {
  type Clock,
  type EventSink,
  duration,
  emit,
  type Guard,
  type HeaderPair,
  isSecurityError,
  SecurityError,
  toProblem,
} from '@mosaajii/core'
import { recordingSink, settableClock } from '@mosaajii/core/testing'
import {
  type Field,
  type Keyring,
  type KeyProvider,
  localKeyProvider,
  memoryCursor,
  memoryKeyStore,
  openKeyring,
  type ReencryptProgress,
  reencrypt,
  type Sealed,
  type SealedSource,
  searchable,
  sealed,
} from '@mosaajii/crypto'
import {
  checkFetchMetadata,
  clearSiteData,
  type CompiledHeaders,
  compileHeaders,
  describe,
  extendPolicy,
  fetchMetadataGuard,
  headersGuard,
  presets,
} from '@mosaajii/headers'
import { allowedHosts } from '@mosaajii/headers/allowed-hosts'
import { type CspReport, parseReports } from '@mosaajii/headers/reports'
import { checkVectors, keyProviderContract, keyStoreContract } from '@mosaajii/crypto/testing'
import {
  type Decision,
  decide,
  type ManualRuleName,
  memoryStore,
  presets as limitPresets,
  type RateLimiter,
  rateLimiter,
  type WindowStore,
} from '@mosaajii/ratelimit'
import { windowStoreContract } from '@mosaajii/ratelimit/testing'

const clock: Clock = settableClock()
const events: EventSink = recordingSink()
const provider: KeyProvider = localKeyProvider({ secret: new Uint8Array(32) })

export async function open(): Promise<Keyring> {
  return openKeyring({ provider, store: memoryKeyStore(), events, clock, rotateAfter: '90d', engine: 'portable' })
}

export function roundTrip(field: Field, email: string): string {
  const token: Sealed = field.seal(email, { row: 7n })
  const stored: string = token
  return field.open(stored, { row: '7' })
}

export function table(keyring: Keyring): { id: string; email: string; phone: string | null } {
  const customers = keyring.table('customers', {
    row: 'id',
    fields: { email: searchable({ normalize: 'email' }), phone: sealed({ nullable: true }) },
  })
  const row = customers.seal({ id: 'c1', email: 'ada@example.com', phone: null })
  const columns: { id: string; email: string; email_index: string; phone: string | null } = row
  return customers.open(columns)
}

export async function move(keyring: Keyring, source: SealedSource): Promise<ReencryptProgress[]> {
  const seen: ReencryptProgress[] = []
  const customers = keyring.table('customers', { row: 'id', fields: { email: searchable() } })
  for await (const progress of reencrypt({ keyring, table: customers, source, cursor: memoryCursor() }))
    seen.push(progress)
  return seen
}

export function problem(error: unknown): number {
  emit(events, 'field.openFailed', { keyring: 'main', table: 't', column: 'c', reason: 'tag' })
  if (isSecurityError(error) && error.code === 'DECRYPT_FAILED') return error.status
  return toProblem(new SecurityError('A', 'b')).status + duration('1s')
}

export function contracts(published: object): string[] {
  const { engine, vectors } = checkVectors(published, 'portable')
  const cases = [
    ...keyProviderContract({ make: () => provider }),
    ...keyStoreContract({ make: () => memoryKeyStore() }),
  ]
  return [engine, String(vectors), ...cases.map(({ name }) => name)]
}

export function headers(): string[] {
  const compiled: CompiledHeaders = compileHeaders(
    extendPolicy(presets.strict, { trustedTypes: 'report', reports: '/csp-reports' }),
  )
  const guards: Guard<string, unknown>[] = [
    headersGuard(compiled),
    fetchMetadataGuard(),
    allowedHosts({ hosts: ['a.example'] }),
  ]
  const result = checkFetchMetadata(new Headers(), { method: 'POST' })
  const reports: CspReport[] = parseReports('application/csp-report', new Uint8Array(9))
  const pairs: readonly HeaderPair[] = [...compiled.pairs(), ...clearSiteData({ cookie: '__Host-session' })]
  return [
    describe(compiled),
    result.allowed ? '' : result.reason,
    ...pairs.flat(),
    ...guards.map(({ as }) => as),
    ...reports.map(({ page }) => page),
  ]
}

interface Attempt {
  readonly ip: string | undefined
  readonly account: string
}

const attempts: RateLimiter<Attempt, ManualRuleName> = rateLimiter({
  rules: limitPresets.manual({ address: ({ ip }: Attempt) => ip, account: ({ account }) => account }),
  store: memoryStore({ clock }),
  events,
})

export async function limits(attempt: Attempt): Promise<number> {
  const decision: Decision<ManualRuleName, 'authentication'> = await attempts.check(['authentication'], attempt, {
    cost: 2,
  })
  const wait: number | null = decision.rules.authentication.retryAfterMs
  await attempts.refund(decision)
  const atOnce = await decide(attempts, ['global'], attempt)
  return atOnce.allowed ? atOnce.rules.global.remaining : (wait ?? 0)
}

export function limitContract(): string[] {
  const make = (): WindowStore => memoryStore({ maxBytes: 1024 * 1024 })
  return windowStoreContract({ make }).map(({ name }) => name)
}
