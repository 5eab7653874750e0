import { isSecurityError, toProblem } from '@mosaajii/core'

/**
 * The `application/problem+json` answer (RFC 9457) to anything that was thrown. What is not one of the SDK's or the shop's own errors is
 * a bare 500 for the client; its class and stack go to the server's own log, never its message, which may quote data.
 */
export function problemResponse(error: unknown): Response {
  const problem = toProblem(error)
  if (!isSecurityError(error)) console.error(`unexpected ${describe(error)}`)
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  })
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  return [error.name, ...frames].join('\n')
}
