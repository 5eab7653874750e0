import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { redisServerPath } from '../../../../test/services.ts'

/** A real redis-server of a test's own: on loopback, on a free port, with its own folder. */
export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** Stops it in the middle of what it does, as a machine that hangs; `continue` lets it go on. */
  stop(): void
  continue(): void
  /** Kills it, without a farewell. Resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>
  /** The seconds of CPU that it has used. */
  cpuSeconds(): Promise<number>
  /** Ends it and removes its folder. */
  close(): Promise<void>
}

/** The settings of every server: nothing reaches the disk. */
const settings = [
  '--bind',
  '127.0.0.1',
  '--save',
  '',
  '--appendonly',
  'no',
  '--protected-mode',
  'no',
  '--loglevel',
  'warning',
]

/**
 * Starts a server.
 *
 * @param more settings, for example `['--cluster-enabled', 'yes']`.
 * @throws {Error} when there is no `redis-server`; skip such tests where {@link redisServerPath} gives `undefined`.
 */
export async function startRedis(more: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'mosaajii-redis-'))
  folders.add(folder)
  let server: RunningServer
  try {
    server = await startSomewhere(folder, more)
  } catch (error) {
    await removeFolder(folder)
    throw error
  }
  return {
    port: server.port,
    url: `redis://127.0.0.1:${server.port}`,
    get pid() {
      return server.pid
    },
    stop: () => void process.kill(server.pid, 'SIGSTOP'),
    continue: () => void process.kill(server.pid, 'SIGCONT'),
    kill: () => server.end(),
    async restart() {
      await server.end()
      server = await startOn(server.port, folder, more)
    },
    cpuSeconds: () => cpuSecondsOf(server.pid),
    async close() {
      await server.end()
      await removeFolder(folder)
    },
  }
}

/** Another program may take a port between the moment it was found free and the server's own. */
async function startSomewhere(folder: string, more: readonly string[]): Promise<RunningServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOn(await freePort(), folder, more)
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

interface RunningServer {
  readonly port: number
  readonly pid: number
  end(): Promise<void>
}

const running = new Set<ChildProcess>()
const folders = new Set<string>()

// A test run that ends early must not leave servers or folders behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  folders.delete(folder)
}

async function startOn(port: number, folder: string, more: readonly string[]): Promise<RunningServer> {
  const program = redisServerPath()
  if (program === undefined) throw new Error('there is no redis-server: apt-get install redis-server')
  const child = spawn(program, [...settings, '--port', String(port), '--dir', folder, ...more], { stdio: 'ignore' })
  running.add(child)
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  }).then(() => void running.delete(child))
  const { pid } = child
  if (pid === undefined) throw new Error(`${program} cannot be started`)
  const end = async (): Promise<void> => {
    // Also one that was stopped obeys this.
    child.kill('SIGKILL')
    await ended
  }
  try {
    await answers(port, pid, () => running.has(child))
  } catch (error) {
    await end()
    throw error
  }
  return { port, pid, end }
}

/** Waits until the server itself answers, and not one of another test that was quicker to take the port. */
async function answers(port: number, pid: number, isRunning: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline && isRunning(); await sleep(5)) {
    if ((await processAt(port)) === pid) return
  }
  throw new Error(`redis-server on port ${port} does not answer`)
}

function processAt(port: number): Promise<number> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write('INFO server\r\n'))
    const settle = (): void => {
      socket.destroy()
      resolve(Number(/process_id:(\d+)\r/.exec(text)?.[1]))
    }
    socket.setTimeout(1000, settle)
    socket.once('error', settle).once('close', settle)
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (/process_id:\d+\r/.test(text)) settle()
    })
  })
}

/** A port of loopback that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** From `/proc`, whose ticks are hundredths of a second. */
async function cpuSecondsOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
