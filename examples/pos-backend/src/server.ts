import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { fileKeyStore, localKeyProvider } from '@mosaajii/crypto'
import { openShop, type Shop } from './domain/shop.ts'
import { eventFile } from './event-file.ts'
import { httpApp } from './http/framework.ts'
import { shopRoutes } from './http/routes.ts'
import { type Limits, openLimits } from './limits.ts'
import { closeServer, listen, portOf, type Tls } from './listen.ts'
import { localSecret } from './local-secret.ts'
import { allOf, recentReports } from './recent-reports.ts'
import { redirectToHttps } from './redirect.ts'
import { refusalCount } from './refusal-count.ts'
import type { Settings } from './settings.ts'

/** A server that listens. */
export interface RunningServer {
  readonly shop: Shop
  readonly limits: Limits
  /** For example `http://localhost:3000`. */
  readonly origin: string
  /** With https: where plain http is led over from. */
  readonly plainOrigin?: string
  close(): Promise<void>
}

/** Opens the shop in its data folder and serves it on the loopback address. */
export async function startServer(settings: Settings): Promise<RunningServer> {
  const closing: (() => Promise<void>)[] = []
  // In the reverse order, as things were opened.
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).toReversed()) await end()
  }
  try {
    return { ...(await open(settings, (end) => void closing.push(end))), close }
  } catch (error) {
    await close()
    throw error
  }
}

type OnClose = (end: () => Promise<void>) => void

async function open(settings: Settings, onClose: OnClose): Promise<Omit<RunningServer, 'close'>> {
  const { data, secret, refresh, batch, pause, adminToken, framework } = settings
  await mkdir(data, { recursive: true, mode: 0o700 })
  const file = await eventFile(join(data, 'events.jsonl'))
  onClose(() => file.close())
  const shop = await openShop({
    database: join(data, 'shop.db'),
    provider: localKeyProvider({ secret: await localSecret(data, secret) }),
    store: fileKeyStore(join(data, 'keys')),
    events: file,
    refresh,
    batch,
    pause,
  })
  onClose(() => shop.close())
  const tls = await readTls(settings)
  const reports = recentReports()
  const refusals = refusalCount()
  const limits = await openLimits({ ...settings, events: file })
  onClose(() => limits.close())
  const routes = shopRoutes({ shop, adminToken, secure: tls !== undefined, reports, limits, refusals })
  const app = await httpApp(framework, { routes, events: allOf(file, reports), limits, refusals })
  onClose(() => app.close())
  const serve = async (...args: Parameters<typeof listen>): Promise<number> => {
    const server = await listen(...args)
    onClose(() => closeServer(server))
    return portOf(server)
  }
  const port = await serve(app.listener, settings.port, tls)
  if (!tls) return { shop, limits, origin: `http://localhost:${port}` }
  const httpPort = settings.httpPort === undefined ? undefined : await serve(redirectToHttps(port), settings.httpPort)
  return {
    shop,
    limits,
    origin: `https://localhost:${port}`,
    ...(httpPort !== undefined && { plainOrigin: `http://localhost:${httpPort}` }),
  }
}

async function readTls({ tls }: Settings): Promise<Tls | undefined> {
  if (!tls) return undefined
  const [cert, key] = await Promise.all([readFile(tls.certFile, 'utf8'), readFile(tls.keyFile, 'utf8')])
  try {
    createSecureContext({ cert, key })
  } catch {
    throw new Error('POS_TLS_CERT and POS_TLS_KEY must be PEM files, a certificate and its own private key')
  }
  return { cert, key }
}
