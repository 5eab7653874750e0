import { type IncomingHttpHeaders, type RequestListener, request } from 'node:http'
import { type AddressInfo, connect, type Server } from 'node:net'
import { getRequestListener } from '@hono/node-server'

/** A server on loopback that a test has started. */
export interface Running {
  readonly port: number
  close(): Promise<void>
}

export interface Received {
  readonly status: number
  readonly reason: string
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, repeated names included. */
  readonly raw: readonly string[]
  readonly body: string
}

export interface Sent {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string
  readonly setHost?: boolean
}

/** One request on a connection of its own. */
export function send(port: number, path: string, sent: Sent = {}): Promise<Received> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, setHost = true } = sent
    const outgoing = request({ port, host: '127.0.0.1', path, method, headers, agent: false, setHost }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode = 0, statusMessage = '', rawHeaders: raw } = response
        resolve({ status: statusCode, reason: statusMessage, headers: response.headers, raw, body: text })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Sends bytes as they are and reads until the server closes. */
export function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'))
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      received += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(received))
  })
}

/** Listens on a free port of loopback. */
export async function listen(server: Server & { closeAllConnections(): void }): Promise<Running> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) }
}

function closed(server: Server & { closeAllConnections(): void }): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/** A promise and what settles it. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** Hono's listener for a server of Node's. */
export function listenerOf(...args: Parameters<typeof getRequestListener>): RequestListener {
  const listener = getRequestListener(...args)
  return (incoming, outgoing) => void listener(incoming, outgoing)
}
