import { connect } from 'node:net'

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number
  /** Name and value in the order in which they came, repeated names included. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  /** All values of a header. */
  all(name: string): string[]
}

/** One request with headers as they are given here; `Host` is sent unless it is `null`. */
export interface RawRequest {
  readonly method?: string
  readonly target?: string
  readonly host?: string | null
  readonly headers?: readonly string[]
  readonly body?: string
}

/** Sends a request on a connection of its own. */
export async function ask(port: number, request: RawRequest = {}): Promise<RawAnswer> {
  const { method = 'GET', target = '/', host = 'shop.example', headers = [], body = '' } = request
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(host === null ? [] : [`Host: ${host}`]),
    ...headers,
    ...length,
    'Connection: close',
  ]
  return parsed(await sendRaw(port, `${lines.join('\r\n')}\r\n\r\n${body}`))
}

/** Sends bytes as they are, and gives what came until the connection was closed. */
export function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.setEncoding('utf8')
    socket.setTimeout(10_000, () => socket.destroy())
    socket.on('data', (chunk: string) => {
      received += chunk
    })
    // A server that closes on what is still being sent resets the connection; what it said before counts.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(received))
  })
}

/** Takes an answer apart. */
export function parsed(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [line = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = lines.map((one) => {
    const colon = one.indexOf(':')
    return [one.slice(0, colon), one.slice(colon + 1).trim()] as const
  })
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]),
    headers,
    body: text.slice(end + 4),
    all: (name) => headers.filter(([own]) => own.toLowerCase() === name.toLowerCase()).map(([, value]) => value),
  }
}
