import type { Build } from './build.ts'

/** The text of each directive. */
type Directives = ReadonlyMap<string, string>

/** Warns of what is allowed and weak. */
export function warnOfPolicy(policy: Directives, path: string, build: Build): void {
  for (const [name, text] of policy) {
    for (const token of text.split(' ')) warnOfSource(name, token, text, `${path}.${name}`, build)
  }
}

const scripts = ['default-src', 'script-src', 'script-src-elem', 'worker-src', 'object-src', 'base-uri']
const anything = ['*', 'https:', 'http:', 'data:', 'blob:', 'filesystem:', 'https://*', 'http://*']

function warnOfSource(name: string, token: string, text: string, path: string, build: Build): void {
  if (token === "'unsafe-eval'") build.warn(path, "'unsafe-eval' turns text into code")
  if (text.includes("'strict-dynamic'")) return
  if (scripts.includes(name) && anything.includes(token)) build.warn(path, `${token} allows scripts from anywhere`)
  else if (/^http:/.test(token)) build.warn(path, `${token} can be changed on its way; use https`)
}
