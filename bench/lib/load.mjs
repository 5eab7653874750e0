// The load of one server: `load.mjs`, a child of the process that serves. It sends plain bytes over kept-alive connections and counts the
// bytes that come back; a real HTTP client would use more time than the server, and the server would wait for it. Each connection comes
// from an address of its own, as clients do: limiters count by it.
import { once } from 'node:events'
import { connect } from 'node:net'
import { CONNECTIONS, REQUEST, responseLength } from './request.mjs'

const pools = new Map()

process.on('message', (block) => void send(block))
process.once('disconnect', () => process.exit())

async function send({ port, requests }) {
  if (!pools.has(port)) pools.set(port, await pool(port))
  await pools.get(port)(requests)
  process.send('done')
}

/** Opens the connections to a port and returns what sends a number of requests: one at a time a connection. */
async function pool(port) {
  const size = await responseSize(port)
  const lines = []
  for (let i = 0; i < CONNECTIONS; i++) lines.push(await line(port, `127.0.0.${i + 2}`, size))
  return (requests) => {
    let left = requests
    const more = () => left-- > 0
    return Promise.all(lines.map((send) => new Promise((done) => send(more, done))))
  }
}

/** One connection from an address of loopback: sends, waits for a whole response, sends again, as long as `more()` says so. */
async function line(port, localAddress, size) {
  let more
  let done
  let missing = 0
  const next = () => {
    if (!more()) return done()
    missing = size
    socket.write(REQUEST, 'latin1')
  }
  const receive = (length) => {
    missing -= length
    if (missing < 0) throw new Error(`a response on port ${port} is not ${size} bytes long, as the first one was`)
    if (missing === 0) next()
    return true
  }
  const socket = connect({
    port,
    localAddress,
    host: '127.0.0.1',
    noDelay: true,
    onread: { buffer: Buffer.alloc(16384), callback: receive },
  })
  // The server is gone, or has closed what it should keep: it says so itself when it still lives.
  socket.once('close', () => process.exit(1))
  await once(socket, 'connect')
  return (someMore, whenDone) => {
    more = someMore
    done = whenDone
    next()
  }
}

/** All responses of one application are equally long: nonces, dates, entity tags and what is left of a limit have a fixed length. */
async function responseSize(port) {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1').write(REQUEST)
  let text = ''
  for await (const chunk of socket) {
    text += chunk
    if (text.length >= (responseLength(text) ?? Infinity)) break
  }
  return text.length
}
