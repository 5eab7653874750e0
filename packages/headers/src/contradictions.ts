import type { Build } from './build.ts'
import type { CspPolicy, HeaderPolicy } from './policy.ts'

/** Warns where two options say different things. */
export function warnOfContradictions(policy: HeaderPolicy, csp: CspPolicy | undefined, build: Build): void {
  const { frameOptions } = policy
  const ancestors = csp?.['frame-ancestors']
  if (frameOptions === undefined || ancestors === undefined) return
  const same = frameOptions === 'DENY' ? "'none'" : "'self'"
  if (ancestors.length !== 1 || ancestors[0] !== same) {
    build.warn(
      'frameOptions',
      `${frameOptions} is not what csp.frame-ancestors says, and browsers that know both follow the latter`,
    )
  }
}
