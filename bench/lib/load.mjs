// The load of one server: `load.mjs`, a child of the process that serves. It sends plain bytes over kept-alive connections and counts the
// bytes that come back; a real HTTP client would use more time than the server, and the server would wait for it. Each connection comes
// from an address of its own, as clients do: limiters count by it.
import { once } from 'node:events'
import { connect } from 'node:net'

const CONNECTIONS = 16
const REQUEST = [
  'GET / HTTP/1.1',
  'Host: 127.0.0.1:8080',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br',
  'Accept-Language: en-GB,en;q=0.9',
  'X-Till: till-7',
  'X-Shop: shop-3',
  'X-Trace: 4bf92f3577b34da6',
  '',
  '',
].join('\r\n')

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
    const head = text.indexOf('\r\n\r\n')
    if (head < 0) continue
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(text.slice(0, head + 2))?.[1]
    if (!text.startsWith('HTTP/1.1 200 ') || !length) throw new Error(`not an answer of a known length: ${text}`)
    if (text.length >= head + 4 + Number(length)) break
  }
  return text.length
}
