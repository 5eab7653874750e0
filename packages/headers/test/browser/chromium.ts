import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'

/** A browser of its own for one test file. */
export interface Chromium {
  /** A page in a fresh context: no cookies, no storage and no cache of another test. */
  page(): Promise<Page>
  /** Closes every page that was opened, and forgets what they stored, but for one. */
  closePages(kept?: Page): Promise<void>
  /** Ends the browser and removes everything that it wrote. */
  end(): Promise<void>
}

/**
 * Starts Chromium without a window, with a home and a profile of its own.
 *
 * @param executablePath the program, as `chromiumPath()` finds it.
 * @param flags what a test file needs beyond the usual flags.
 */
export async function startChromium(executablePath: string, flags: readonly string[] = []): Promise<Chromium> {
  const home = mkdtempSync(join(tmpdir(), 'mosaajii-chromium-'))
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home }
  const browser = await chromium.launch({ executablePath, args: [...quiet, ...flags], env })
  return {
    page: () => newPage(browser),
    closePages: async (kept) => {
      const contexts = browser.contexts().filter((context) => context !== kept?.context())
      const popups =
        kept
          ?.context()
          .pages()
          .filter((page) => page !== kept) ?? []
      await Promise.all([...contexts, ...popups].map((opened) => opened.close()))
    },
    end: async () => {
      await browser.close()
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

async function newPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext()
  context.setDefaultTimeout(10_000)
  await context.addInitScript({ content: witness })
  return context.newPage()
}

// What each page finds before any script of its own, and no policy of a page can stop: `mark()`, which its scripts call to show that they ran,
// and a list of what its policies refused, such as `script-src-elem inline enforce`.
const witness = `
  globalThis.marks = []
  globalThis.mark = (name) => { marks.push(name) }
  globalThis.violations = []
  document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, disposition }) => {
    violations.push([effectiveDirective, blockedURI, disposition].join(' '))
  })`

/** What the scripts of a page did. */
export function marksOf(page: Page): Promise<string[]> {
  return page.evaluate<string[]>('marks')
}

/** What the policies of a page refused, or would have: directive, address or keyword, disposition. */
export function violationsOf(page: Page): Promise<string[]> {
  return page.evaluate<string[]>('violations')
}
