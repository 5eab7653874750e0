import type { IncomingMessage } from 'node:http'

/** How long a client whose body was refused may go on sending it. */
const patience = 500

/**
 * The body of a request on Node's server. A reader may stop early and answer: what is still coming is thrown away, so that the client gets to
 * read the answer, and the connection is cut when that takes too long.
 */
export async function* bodyOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
  } finally {
    if (!request.readableEnded) throwAway(request)
  }
}

function throwAway(request: IncomingMessage): void {
  const cut = setTimeout(() => request.destroy(), patience)
  request.once('close', () => clearTimeout(cut))
  request.once('end', () => clearTimeout(cut))
  request.resume()
}
