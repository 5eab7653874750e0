import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FetchMetadataOptions, HeaderPolicy } from '@mosaajii/headers'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { type Certificate, loopbackCertificate } from '../../../../test/certificate.ts'
import { type Chromium, startChromium } from './chromium.ts'
import { type Framework, frameworks, type Listener, type Reply } from './frameworks.ts'

/** How long a test waits for what a browser does in its own time: `expect.poll(…, patience)`. */
export const patience = { timeout: 10_000 }

/** What the paths of a site answer; it is handed the nonce of the request. */
export type Routes = Readonly<Record<string, (nonce: string) => Reply>>

/** A site to open. */
export interface SiteOptions {
  readonly routes: Routes
  /** Its headers, also as a function of its origin. */
  readonly policy: HeaderPolicy | ((origin: string) => HeaderPolicy)
  readonly fetchMetadata?: FetchMetadataOptions | undefined
  /** Serves https instead of http. */
  readonly certificate?: Certificate | undefined
}

/** A request that arrived. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The status that it was answered with; 0 until then. */
  readonly status: () => number
}

/** A site that runs on loopback. */
export interface Site {
  /** `http://127.0.0.1:4000`. */
  readonly origin: string
  /** The same server under another name, which is another site for a browser: `http://localhost:4000`. */
  readonly otherName: string
  /** What arrived so far. */
  readonly seen: readonly Seen[]
  /** The violation reports that the SDK's endpoint emitted so far. */
  readonly reports: readonly Report[]
}

/** An event's name beside its data. */
export interface Report {
  readonly name: string
  readonly [field: string]: unknown
}

/** Chromium and sites for the tests of one file. */
export interface Lab {
  /** Opens a site with the SDK, until the test ends. */
  site(framework: Framework, options: SiteOptions): Promise<Site>
  /** Opens a site of somebody else, without the SDK, until the test ends. */
  otherSite(routes: Routes): Promise<Site>
  /** Goes to an address. The page is always the same one; its last document is gone. */
  visit(url: string): Promise<Page>
  /** A page that knows nothing of others: no cookies, no storage, no cache. */
  freshPage(): Promise<Page>
}

/**
 * Starts one Chromium before the tests of a file and ends it after them.
 *
 * @param executablePath what `chromiumPath()` found; nothing starts when it found nothing.
 * @param flags more flags of Chromium.
 */
export function openLab(executablePath: string | undefined, flags: readonly string[] = []): Lab {
  const servers: Server[] = []
  const started = { chromium: undefined as Chromium | undefined, page: undefined as Page | undefined }
  const freshPage = async (): Promise<Page> => {
    if (!started.chromium) throw new Error('Chromium did not start')
    return started.chromium.page()
  }
  const open = async (makeListener: MakeListener, certificate?: Certificate): Promise<Site> => {
    const opened = await openSite(makeListener, certificate)
    servers.push(opened.server)
    return opened.site
  }

  beforeAll(async () => {
    if (executablePath !== undefined) started.chromium = await startChromium(executablePath, flags)
  })
  afterEach(async ({ task }) => {
    // A page is kept because a new one costs more than most tests, but not when it may hang.
    const kept = task.result?.state === 'fail' ? undefined : started.page
    started.page = kept
    await started.chromium?.closePages(kept)
    await Promise.all(servers.splice(0).map(close))
  })
  afterAll(() => started.chromium?.end())

  return {
    site: (framework, options) =>
      open((origin, site) => withSdk(framework, options, origin, site), options.certificate),
    otherSite: (routes) => open(async () => withoutSdk(routes)),
    visit: async (url) => {
      started.page ??= await freshPage()
      await started.page.goto(url)
      return started.page
    },
    freshPage,
  }
}

/** What a server writes down. */
interface Notes {
  readonly seen: Seen[]
  readonly reports: Report[]
}

type MakeListener = (origin: string, notes: Notes) => Promise<Listener>

async function openSite(
  makeListener: MakeListener,
  certificate?: Certificate,
): Promise<{ server: Server; site: Site }> {
  const notes: Notes = { seen: [], reports: [] }
  const server = certificate ? createTlsServer({ cert: certificate.cert, key: certificate.key }) : createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const scheme = certificate ? 'https' : 'http'
  const origin = `${scheme}://127.0.0.1:${port}`
  // Only now: a policy may name the origin.
  const listener = await makeListener(origin, notes)
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    notes.seen.push(seenOf(request, response))
    listener(request, response)
  })
  return { server, site: { ...notes, origin, otherName: `${scheme}://localhost:${port}` } }
}

function seenOf({ method = '', url = '/', headers }: IncomingMessage, response: ServerResponse): Seen {
  const status = (): number => (response.headersSent ? response.statusCode : 0)
  return { method, path: pathOf(url), headers, status }
}

function withSdk(
  framework: Framework,
  { policy, routes, fetchMetadata }: SiteOptions,
  origin: string,
  { reports }: Notes,
): Promise<Listener> {
  return frameworks[framework]({
    policy: typeof policy === 'function' ? policy(origin) : policy,
    reply: (path, nonce) => routes[path]?.(nonce),
    events: { write: ({ name, data }) => void reports.push({ ...data, name }) },
    fetchMetadata,
  })
}

function withoutSdk(routes: Routes): Listener {
  return ({ url = '/' }, response) => {
    const answer = routes[pathOf(url)]?.('')
    for (const [name, value] of answer?.headers ?? []) response.setHeader(name, value)
    response.writeHead(answer ? 200 : 404, { 'Content-Type': answer?.type ?? 'text/plain' }).end(answer?.body)
  }
}

function pathOf(url: string): string {
  return url.replace(/\?.*/, '')
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

/** A certificate for sites over https, where there is a browser that visits them. Its files are gone; what they held is in it. */
export function labCertificate(executablePath: string | undefined): Certificate | undefined {
  if (executablePath === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'mosaajii-lab-'))
  try {
    return loopbackCertificate(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A page. */
export function html(body: string, headers?: Reply['headers']): Reply {
  return {
    type: 'text/html; charset=utf-8',
    body: `<!doctype html><title>page</title><body>${body}`,
    ...(headers && { headers }),
  }
}

/** A script. */
export function script(body: string): Reply {
  return { type: 'text/javascript; charset=utf-8', body }
}

/** A picture, one pixel wide and high. */
export function picture(): Reply {
  return { type: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>' }
}
