import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'

const REQUESTS_A_BLOCK = 256
const TEN_MINUTES = 600_000

/**
 * Puts each application behind an `http.Server` of its own, on loopback.
 *
 * @param {Record<string, import('node:http').Server>} servers not listening yet
 * @returns {Promise<Record<string, number>>} their ports
 */
export async function listenAll(servers) {
  const ports = {}
  for (const [name, server] of Object.entries(servers)) ports[name] = await listen(server)
  return ports
}

/**
 * Makes a task of each application: one run is a block of requests, sent by another process, and the time is that of this one.
 *
 * @param {Record<string, number>} ports
 * @param {string} loadRuntime the Node that sends the requests: the same one whatever Node serves
 * @returns {import('./measure.mjs').Task[]}
 */
export function servedTasks(ports, loadRuntime) {
  pinToOneCore()
  const child = fork(new URL('load.mjs', import.meta.url), { execPath: loadRuntime, execArgv: [] })
  keepWaiting(child.pid)
  child.once('exit', (code) => {
    throw new Error(`the load generator ended with code ${code}`)
  })
  const block = async (port) => {
    child.send({ port, requests: REQUESTS_A_BLOCK })
    await once(child, 'message')
  }
  return Object.entries(ports).map(([name, port]) => ({
    name,
    async: true,
    per: REQUESTS_A_BLOCK,
    body: () => block(port),
  }))
}

/**
 * This process and the load that it is about to start share one core, and take turns on it. On two cores of a small machine, which are often halves of
 * one, the load slows the server down by as much as it happens to overlap; the differences between applications then spread
 * about twice as far.
 */
function pinToOneCore() {
  tryTo('taskset', '--all-tasks', '--cpu-list', '--pid', '0', String(process.pid))
}

/**
 * The load comes to the core when the server waits, not whenever a response wakes it: it would throw the server's code out of the cache after each
 * request, which the clients of a real server, on machines of their own, do not. That took a request of Fastify's from 18 to 21 us, and whatever is
 * in its way in proportion.
 */
function keepWaiting(pid) {
  tryTo('chrt', '--all-tasks', '--batch', '--pid', '0', String(pid))
}

/** Where the command does not exist (not Linux) the figures are only noisier. */
function tryTo(command, ...args) {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
  } catch {
    // Measured without it.
  }
}

/** Its connections must survive the turns of the other processes. */
async function listen(server) {
  server.keepAliveTimeout = TEN_MINUTES
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}
