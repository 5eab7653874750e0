import { type IncomingHttpHeaders, request } from 'node:http'
import type { Customer } from '../domain/customers.ts'
import type { KeyUse } from '../domain/keys.ts'
import type { ReencryptionStatus } from '../domain/reencryption.ts'
import { rest } from '../domain/turn.ts'
import { expect } from './report.ts'
import type { ServerChild } from './server-child.ts'

/** An answer of the shop. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

/** Sends one request to the shop, as any client would. */
export async function ask(
  origin: string,
  method: string,
  path: string,
  body?: unknown,
  token?: string,
): Promise<Answer> {
  const answer = await fetch(origin + path, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token && { 'x-admin-token': token }),
    },
    signal: AbortSignal.timeout(10_000),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, type: answer.headers.get('content-type') ?? '', text: await answer.text() }
}

/** Sends one request and demands a status. */
export async function must<T>(status: number, ...request: Parameters<typeof ask>): Promise<T> {
  const answer = await ask(...request)
  expect(answer.status === status, `status ${status} of ${request[1]} ${request[2]}`, `${answer.status} ${answer.text}`)
  return JSON.parse(answer.text) as T
}

/** Demands that a request is refused with problem details of one code. */
export async function mustRefuse(code: string, ...request: Parameters<typeof ask>): Promise<Answer> {
  const answer = await ask(...request)
  const { type, text } = answer
  const seen = type.startsWith('application/problem+json') ? (JSON.parse(text) as { code?: string }).code : undefined
  expect(seen === code, `${request[1]} ${request[2]} to be refused as ${code}`, `${answer.status} ${type} ${text}`)
  return answer
}

/** The keys with the rows under each, and the re-encryption, as the shop tells them. */
export function keysOf(child: ServerChild): Promise<{ keys: KeyUse[]; reencryption: ReencryptionStatus }> {
  return must(200, child.origin, 'GET', '/admin/keys', undefined, child.adminToken)
}

/** Every customer, opened, through the pages of the list. */
export async function allCustomers(origin: string): Promise<Map<string, Customer>> {
  const all = new Map<string, Customer>()
  for (let path: string | undefined = '/customers?limit=200'; path; ) {
    const { items, next }: { items: Customer[]; next: string | null } = await must(200, origin, 'GET', path)
    for (const item of items) all.set(item.id, item)
    path = next === null ? undefined : `/customers?limit=200&after=${next}`
  }
  return all
}

/** Asks again and again until an answer is there. */
export async function until<T>(
  what: string,
  limitMs: number,
  look: () => Promise<T | undefined>,
  restMs = 50,
): Promise<T> {
  const end = performance.now() + limitMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    expect(performance.now() < end, `${what} within ${limitMs / 1000} s`, 'nothing')
    await rest(restMs)
  }
}

/** A request as it goes over the socket, with headers that `fetch` does not let a caller set. */
export interface RawRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Its answer. */
export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** Sends a request as a browser, or somebody who pretends to be one, would. */
export function sendRaw(origin: string, { path, body, ...options }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sending = request(origin + path, { ...options, timeout: 10_000 }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        text += chunk
      })
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
      answer.once('error', reject)
    })
    sending.once('error', reject)
    sending.once('timeout', () => sending.destroy(new Error(`no answer to ${path}`)))
    sending.end(body)
  })
}
