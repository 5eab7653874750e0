import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { TourFailure } from './report.ts'

/** A shop in a process of its own. */
export interface ServerChild {
  readonly pid: number
  /** For example `http://127.0.0.1:41731`. */
  readonly origin: string
  readonly adminToken: string
  /** Everything that it has printed. */
  printed(): string
  /** Ends it at once, as a power cut or the kernel would, and waits until it is gone. */
  kill(): Promise<void>
}

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
const startLimit = 20_000

/** What the caller's environment may say of another shop. */
const unset = {
  MOSAAJII_SECRET: '',
  POS_FRAMEWORK: '',
  POS_TLS_CERT: '',
  POS_TLS_KEY: '',
  POS_HTTP_PORT: '',
  POS_GLOBAL_LIMIT: '',
  POS_API_LIMIT: '',
}

/** Starts the shop's `main.ts` as `npm start` does, on a free port, and waits until it listens. */
export async function startChild(args: readonly string[], env: Readonly<Record<string, string>>): Promise<ServerChild> {
  const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
    env: { ...process.env, ...unset, ...env },
    // Over the channel the child notices when this process is gone, however it ended.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
  }
  let printed = ''
  const greeting = waitForGreeting(child, (text) => {
    printed += text
    return printed
  })
  try {
    return { pid: child.pid ?? 0, ...(await greeting), printed: () => printed, kill }
  } catch (error) {
    await kill()
    throw error
  }
}

function waitForGreeting(
  child: ChildProcess,
  collect: (text: string) => string,
): Promise<{ origin: string; adminToken: string }> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const fail = (): void => reject(new TourFailure(`expected the server to start; it printed: ${printed.trim()}`))
    const limit = setTimeout(fail, startLimit)
    const read = (chunk: Buffer): void => {
      printed = collect(chunk.toString('utf8'))
      const [, port] = /listens on http:\/\/localhost:(\d+)/.exec(printed) ?? []
      const [, adminToken] = /^Admin token: (\S+)$/m.exec(printed) ?? []
      if (!port || !adminToken) return
      clearTimeout(limit)
      resolve({ origin: `http://127.0.0.1:${port}`, adminToken })
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('error', fail)
    child.once('exit', fail)
  })
}
