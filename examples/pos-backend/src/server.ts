import { mkdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { serve, type ServerType } from '@hono/node-server'
import { fileKeyStore, localKeyProvider } from '@mosaajii/crypto'
import { openShop, type Shop } from './domain/shop.ts'
import { eventFile } from './event-file.ts'
import { shopApp } from './http/app.ts'
import { localSecret } from './local-secret.ts'
import type { Settings } from './settings.ts'

/** A server that listens. */
export interface RunningServer {
  readonly shop: Shop
  /** For example `http://localhost:3000`. */
  readonly origin: string
  close(): Promise<void>
}

/** Opens the shop in its data folder and serves it on the loopback address, which nobody else on the network can reach. */
export async function startServer(settings: Settings): Promise<RunningServer> {
  const { data, secret, refresh, batch, pause, adminToken } = settings
  await mkdir(data, { recursive: true, mode: 0o700 })
  const events = await eventFile(join(data, 'events.jsonl'))
  const shop = await openShop({
    database: join(data, 'shop.db'),
    provider: localKeyProvider({ secret: await localSecret(data, secret) }),
    store: fileKeyStore(join(data, 'keys')),
    events,
    refresh,
    batch,
    pause,
  })
  const close = async (): Promise<void> => {
    await shop.close()
    await events.close()
  }
  try {
    const server = await listen(shopApp({ shop, adminToken }).fetch, settings.port)
    return {
      shop,
      origin: `http://localhost:${(server.address() as AddressInfo).port}`,
      close: () => closeServer(server).then(close),
    }
  } catch (error) {
    await close()
    throw error
  }
}

function listen(fetch: (request: Request) => Response | Promise<Response>, port: number): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    // Longer than clients keep an idle connection: else one may send its next request into a connection that is being closed.
    const serverOptions = { keepAliveTimeout: 65_000 }
    const server = serve({ fetch, port, hostname: '127.0.0.1', serverOptions }, () => resolve(server))
    server.once('error', reject)
  })
}

function closeServer(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    // Clients that keep their connections open would otherwise keep the process.
    if ('closeAllConnections' in server) server.closeAllConnections()
  })
}
