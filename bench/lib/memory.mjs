// Connections without a network: a server's own parser, requests and responses, over streams in the memory of its process. The kernel's part of a request
// is several times what is to be measured.
import { Duplex } from 'node:stream'
import { CONNECTIONS, REQUEST, responseLength } from './request.mjs'
import { serve } from './worker.mjs'

const REQUESTS_EACH = 16
const bytes = Buffer.from(REQUEST, 'latin1')

/** Warmed up for long: until all of a request's way is compiled, what is longest looks dearest. */
const pace = process.argv.includes('--quick')
  ? { rounds: 5, turns: 4, warmMs: 600, sliceMs: 10 }
  : { rounds: 10, turns: 4, warmMs: 1000, sliceMs: 10 }

/** What a worker in memory is to measure: `<framework>-in-memory|<application>` is its first argument. */
export function applicationInMemory() {
  const [, , set] = process.argv
  const [framework, application] = set.split('-in-memory|')
  return { set, framework, application }
}

/**
 * The side of a measuring process that serves one application, on connections in memory. The time is that of the process, which also asks.
 *
 * @param {string} set the name of the group
 * @param {import('node:http').Server} server
 * @param {object} notes facts about it to put beside the figures
 */
export function serveInMemory(set, server, notes = {}) {
  return serve([{ name: set, tasks: [memoryTask(set, server)], ...pace }], notes)
}

/** A run of the task is a block of requests on all connections. */
function memoryTask(name, server) {
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
