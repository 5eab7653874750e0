import type { Build } from './build.ts'
import type { HeaderPolicy } from './policy.ts'

const runs = /^(default|script|worker|object)-src(-elem)?$|^base-uri$/
const anywhere = /^(https?|data|blob|filesystem):$|^(https?:\/\/)?\*(:|$)/
const plain = /^(http|ws):(?!\/\/(localhost|127\.0\.0\.1)\b)/
const odd = /^(\w+:\/\/)?(\*\.[^.]+|(?!127\.0\.0\.1\b)[\d.]+(:.*)?)$/

/** Warns of sources that are allowed and weak. */
export function warnOfSources(text: string, path: string, directive: string, build: Build): void {
  if (text.includes("'unsafe-eval'")) build.warn(path, "'unsafe-eval' turns text into code")
  if (text.includes("'strict-dynamic'")) return
  for (const token of text.split(' ')) {
    if (runs.test(directive) && anywhere.test(token)) build.warn(path, `${token} is too wide`)
    else if (plain.test(token)) build.warn(path, `${token} can be changed on its way`)
    else if (odd.test(token)) build.warn(path, `${token} is too wide, or ignored`)
  }
}

/** Warns of what a policy leaves open, and of options that say different things. */
export function warnOfGaps({ csp, frameOptions }: HeaderPolicy, build: Build): void {
  if (!csp) return
  const { 'script-src': scripts, 'frame-ancestors': ancestors } = csp
  if (!scripts && !csp['default-src']) build.warn('csp', 'has no script-src')
  if (scripts && !csp['base-uri']) build.warn('csp', 'has no base-uri')
  if (frameOptions && ancestors && String(ancestors) !== (frameOptions === 'DENY' ? "'none'" : "'self'")) {
    build.warn('frameOptions', 'differs from csp.frame-ancestors, which browsers follow')
  }
}
