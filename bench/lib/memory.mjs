// Connections without a network: a server's own parser, requests and responses, over streams in the memory of its process. The kernel's part of a request
// is several times what is to be measured, and its share of the noise too; without it the differences between applications are a fifth as wide.
import { Duplex } from 'node:stream'
import { CONNECTIONS, REQUEST, responseLength } from './request.mjs'

const REQUESTS_EACH = 16
const bytes = Buffer.from(REQUEST, 'latin1')

/**
 * Makes a task of an application: one run is a block of requests on all connections, and the time is that of this process, which also asks.
 *
 * @param {string} name
 * @param {import('node:http').Server} server
 * @returns {import('./measure.mjs').Task}
 */
export function memoryTask(name, server) {
  // Its connections must survive the turns of the other processes.
  server.keepAliveTimeout = 600_000
  const clients = Array.from({ length: CONNECTIONS }, (_, i) => new Client(`127.0.0.${i + 2}`))
  for (const client of clients) server.emit('connection', client)
  return {
    name,
    async: true,
    per: CONNECTIONS * REQUESTS_EACH,
    body: () => Promise.all(clients.map((client) => client.ask(REQUESTS_EACH))),
  }
}

/** What a server takes for a socket: sends a request, waits for the whole response, sends again in the next turn of the event loop, as a network would. */
class Client extends Duplex {
  #left = 0
  #done
  #size
  #received = 0
  #first = ''

  constructor(remoteAddress) {
    super({ decodeStrings: false })
    this.remoteAddress = remoteAddress
    this.encrypted = false
  }

  ask(requests) {
    this.#left = requests
    return new Promise((done) => {
      this.#done = done
      this.#next()
    })
  }

  #next() {
    if (this.#left-- > 0) this.push(bytes)
    else this.#done()
  }

  _read() {}

  _write(chunk, encoding, written) {
    this.#receive([{ chunk, encoding }])
    written()
  }

  _writev(chunks, written) {
    this.#receive(chunks)
    written()
  }

  #receive(chunks) {
    for (const { chunk } of chunks) {
      this.#received += chunk.length
      if (this.#size === undefined) this.#first += typeof chunk === 'string' ? chunk : chunk.toString('latin1')
    }
    this.#size ??= responseLength(this.#first)
    if (this.#received < this.#size) return
    if (this.#received > this.#size) throw new Error(`a response is not ${this.#size} bytes long, as the first one was`)
    this.#received = 0
    setImmediate(() => this.#next())
  }

  setTimeout() {
    return this
  }

  setNoDelay() {
    return this
  }

  setKeepAlive() {
    return this
  }

  ref() {
    return this
  }

  unref() {
    return this
  }

  destroySoon() {
    this.destroy()
  }
}
