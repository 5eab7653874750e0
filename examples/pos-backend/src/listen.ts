import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { clientError, expectation } from '@mosaajii/core/node'
import { apiPolicy } from './http/policies.ts'

/** A certificate and its private key, both as PEM. */
export interface Tls {
  readonly cert: string
  readonly key: string
}

// A request without Host comes to the guard that knows the hosts, and not to Node's own answer, which carries no headers. Idle connections stay
// longer than clients keep them: else one may send its next request into a connection that is being closed.
const options: ServerOptions = { requireHostHeader: false, keepAliveTimeout: 65_000 }

/** Listens on the loopback address, which nobody else on the network can reach; with a certificate over https. */
export function listen(listener: RequestListener, port: number, tls?: Tls): Promise<Server> {
  const server = tls ? createSecureServer({ ...options, ...tls }, listener) : createServer(options, listener)
  // What is no HTTP never becomes a request.
  server.on(
    'clientError',
    clientError(() => apiPolicy.pairs()),
  )
  server.on(
    'checkExpectation',
    expectation(() => apiPolicy.pairs()),
  )
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

/** The port on which a server listens. */
export function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Ends a server and its connections; clients that keep theirs open would otherwise keep the process. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
