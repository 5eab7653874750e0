// Starts the example shop over https on each framework and lets the scorer of Mozilla's HTTP Observatory judge it. Fails below 140, the
// most that a site can have which is on no browser's preload list. `npm run test:observatory -- hono` tries only what is named.
import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Certificate, loopbackCertificate } from '../test/certificate.ts'
import { installOnce } from './install-once.ts'
import { root } from './packages.ts'

const wanted = 140
const frameworks = ['express', 'fastify', 'hono']

interface Score {
  readonly score: number
  readonly grade: string
  readonly tests: readonly { readonly name: string; readonly result: string; readonly modifier: number }[]
}

interface Shop {
  readonly process: ChildProcess
  readonly httpsPort: number
  readonly httpPort: number
  /** What it printed, for the error when it does not answer. */
  readonly printed: () => string
}

async function main(only: readonly string[]): Promise<void> {
  const tried = frameworks.filter((framework) => only.length === 0 || only.includes(framework))
  if (tried.length === 0) throw new Error(`nothing is named ${only.join(' ')}`)
  const scorer = installScorer()
  const folder = mkdtempSync(join(tmpdir(), 'mosaajii-observatory-'))
  try {
    const certificate = loopbackCertificate(folder)
    for (const framework of tried) {
      const shop = await startShop(framework, join(folder, framework), certificate)
      try {
        await answers(shop)
        judge(framework, scoreOf(shop, scorer, certificate))
      } finally {
        await end(shop.process)
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Installs the scorer once, and returns the path of the script that drives it. */
function installScorer(): string {
  const source = join(root, 'scripts', 'observatory')
  const installed = installOnce({
    source,
    name: 'mosaajii-observatory',
    saying: 'installing the scorer of the HTTP Observatory once',
    // Its install script would download the browsers' preload list. Nothing on loopback is on it.
    finish: (folder) =>
      writeFileSync(join(folder, 'node_modules', '@mdn', 'mdn-http-observatory', 'conf', 'hsts-preload.json'), '{}'),
  })
  const scorer = join(installed, 'score.mjs')
  copyFileSync(join(source, 'score.mjs'), scorer)
  return scorer
}

async function startShop(framework: string, data: string, { certFile, keyFile }: Certificate): Promise<Shop> {
  mkdirSync(data)
  const [httpsPort, httpPort] = [await freePort(), await freePort()]
  const child = fork(join(root, 'examples', 'pos-backend', 'src', 'main.ts'), [`--framework=${framework}`], {
    execArgv: ['--import', 'tsx', '--conditions=@mosaajii/source'],
    cwd: root,
    env: {
      ...process.env,
      PORT: String(httpsPort),
      POS_HTTP_PORT: String(httpPort),
      POS_TLS_CERT: certFile,
      POS_TLS_KEY: keyFile,
      POS_DATA: data,
      POS_SEED: '0',
    },
    silent: true,
  })
  let printed = ''
  const collect = (chunk: Buffer): void => void (printed += chunk.toString())
  child.stdout?.on('data', collect)
  child.stderr?.on('data', collect)
  return { process: child, httpsPort, httpPort, printed: () => printed }
}

async function answers({ process: child, httpsPort, httpPort, printed }: Shop): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) throw new Error(`the shop ended with ${child.exitCode}:\n${printed()}`)
    if ((await isOpen(httpsPort)) && (await isOpen(httpPort))) return
    await delay(100)
  }
  throw new Error(`the shop did not listen on ${httpsPort} and ${httpPort} within 30 s:\n${printed()}`)
}

function scoreOf({ httpsPort, httpPort }: Shop, scorer: string, { certFile }: Certificate): Score {
  const printed = execFileSync(process.execPath, [scorer, String(httpsPort), String(httpPort)], {
    encoding: 'utf8',
    env: { ...process.env, NODE_EXTRA_CA_CERTS: certFile },
    timeout: 60_000,
  })
  return JSON.parse(printed) as Score
}

function judge(framework: string, { score, grade, tests }: Score): void {
  console.log(`test:observatory: ${framework} ${score} (${grade})`)
  if (score >= wanted) return
  const results = tests.map(({ name, result, modifier }) => `  ${String(modifier).padStart(4)} ${name}: ${result}`)
  throw new Error(`${framework} must score ${wanted}:\n${results.join('\n')}`)
}

/** The shop ends when the channel to its parent closes; it is killed when it does not. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  if (child.connected) child.disconnect()
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(late)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
