import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { HeaderPair } from './guard.ts'
import { headersFrom } from './headers-from.ts'
import { sendAnswer } from './node-response.ts'
import { answerWith } from './problem-answer.ts'
import { problemOf } from './problem.ts'

/** The statuses that Node itself chooses; anything else is a 400. */
const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/**
 * Makes the listener for what is no HTTP: Node answers it itself, before any framework and without a header of yours. With this listener the
 * answer is a problem with the same status (400, 408, 413 or 431) and these headers, and the connection closes. Into a response that has begun
 * nothing is written.
 *
 * @param headers called for each answer, for example `() => compiled.pairs()`. What it throws is ignored, and so is a header that is none.
 * @example
 * server.on('clientError', clientError(() => [['X-Content-Type-Options', 'nosniff']]))
 */
export function clientError(
  headers: () => readonly HeaderPair[] = () => [],
): (error: Error & { readonly code?: string }, socket: Duplex) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable || hasBegun(socket)) {
      socket.destroy()
      return
    }
    socket.once('finish', () => socket.destroy())
    // Written by hand: nothing but headersFrom keeps a line break from making a second header.
    socket.end(responseText(statuses[error.code ?? ''] ?? 400, headersFrom(headers)), 'latin1')
  }
}

/**
 * Makes the listener for a request whose `Expect` is not `100-continue`: Node answers 417 itself, without a header of yours. With this listener
 * the answer is a problem with these headers.
 *
 * @param headers called for each answer, as by `clientError`.
 * @example
 * server.on('checkExpectation', expectation(() => [['X-Content-Type-Options', 'nosniff']]))
 */
export function expectation(
  headers: () => readonly HeaderPair[] = () => [],
): (request: IncomingMessage, response: ServerResponse) => void {
  return (_request, response) => {
    const answer = answerWith(problemOf(417))
    sendAnswer(response, { ...answer, headers: [...headersFrom(headers), ...answer.headers] })
  }
}

/** Whether a response on this connection has sent its head: what is written now would be read as a part of it. */
function hasBegun(socket: Duplex): boolean {
  const { _httpMessage: message } = socket as { _httpMessage?: { headersSent?: boolean } | null }
  return message?.headersSent === true
}

function responseText(status: number, headers: readonly HeaderPair[]): string {
  const { title, body, headers: own } = answerWith(problemOf(status))
  const lines = [...headers, ...own, ['content-length', String(body.length)], ['connection', 'close']].map(
    ([name, value]) => `${name}: ${value}`,
  )
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}
