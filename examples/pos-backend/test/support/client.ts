import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { connect } from 'node:net'
import { onTestFinished } from 'vitest'

/** An answer as it came over the socket. */
export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** A request as it goes over the socket: nothing is added but what HTTP needs. */
export interface RawRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | AsyncIterable<Uint8Array>
}

/** Sends requests to one port of this machine, over http or, with the certificate to trust, over https. Ends with the test. */
export function clientOf(port: number, ca?: string): (sent: RawRequest) => Promise<RawAnswer> {
  const agent = ca === undefined ? new Agent({ keepAlive: true }) : new SecureAgent({ keepAlive: true, ca })
  onTestFinished(() => agent.destroy())
  const start = ca === undefined ? request : secureRequest
  return ({ method = 'GET', path, headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const options = { host: 'localhost', family: 4, port, method, path, headers, agent }
      const sending = start(options, (answer) => void readAnswer(answer).then(resolve, reject))
      sending.once('error', reject)
      if (body === undefined || typeof body === 'string') sending.end(body)
      // A server that has answered need not take the rest.
      else void pour(body, sending).catch(reject)
    })
}

async function pour(chunks: AsyncIterable<Uint8Array>, sending: ReturnType<typeof request>): Promise<void> {
  let answered = false
  sending.once('response', () => {
    answered = true
  })
  for await (const chunk of chunks) {
    if (answered) break
    if (!sending.write(chunk)) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  sending.end()
}

async function readAnswer(answer: IncomingMessage): Promise<RawAnswer> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString('utf8') }
}

/** Writes bytes to a port, whatever they are, and reads until the server closes. */
export function rawExchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.once('close', () => resolve(text))
    socket.once('error', reject)
  })
}

/** Writes bytes to a port and leaves without waiting for an answer. */
export function leave(port: number, bytes: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.once('error', reject)
    socket.once('close', () => resolve())
    // Late enough for the server to have begun reading.
    setTimeout(() => socket.destroy(), 50)
  })
}
