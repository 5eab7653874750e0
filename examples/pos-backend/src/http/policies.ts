import type { Guard } from '@mosaajii/core'
import { compileHeaders, extendPolicy, presets } from '@mosaajii/headers'
import { allowedHosts } from '@mosaajii/headers/allowed-hosts'

/** Where browsers send their reports. */
export const reportsPath = '/csp-reports'

/** What pages carry: the preset `strict`, whose violations are reported. */
export const pagePolicy = compileHeaders(extendPolicy(presets.strict, { reports: reportsPath }))

/** What everything else carries: an answer of the API is no page, and nothing may be loaded from it. */
export const apiPolicy = compileHeaders(presets.api)

/** The shop answers to these names only. A site that points its own name at 127.0.0.1 (DNS rebinding) would else read it in a visitor's browser. */
export const localHosts = allowedHosts({ hosts: ['localhost:*', '127.0.0.1:*', '[::1]:*'] })

/** Whose request it is: what handlers know of a connection. */
export const callerAddress: Guard<'callerAddress', string | undefined> = {
  as: 'callerAddress',
  check: ({ address }) => ({ pass: true, data: address }),
}
