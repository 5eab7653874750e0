import { type Duration, duration } from '@mosaajii/core'

/** What {@link greeting} tells of. */
export interface Greeting {
  /** For example `http://localhost:3000`. */
  readonly origin: string
  /** With https: where plain http is led over from. */
  readonly plainOrigin?: string
  /** With https: the file of the certificate, which curl may not know. */
  readonly certFile?: string
  readonly framework: string
  readonly adminToken: string
  /** How often the keyring reads its store. */
  readonly refresh: Duration
  /** The version of the data key that seals now. */
  readonly version: number
  /** How many requests the API takes in a minute. */
  readonly apiLimit: number
  /** Where the limits are counted, in lines of their own. */
  readonly counted: string
  /** The process to end: npm does not pass every signal on. */
  readonly pid: number
}

/**
 * What the shop prints when it listens: commands that can be pasted one after the other. Between them stand the waits that a key needs, two
 * refresh intervals before it seals and two more before its predecessor may go.
 */
export function greeting(facts: Greeting): string {
  const { origin, plainOrigin, certFile, framework, adminToken, refresh, version, apiLimit, counted, pid } = facts
  const token = `-H 'x-admin-token: ${adminToken}'`
  const curl = certFile === undefined ? 'curl' : `curl --cacert '${certFile}'`
  const json = "-H 'content-type: application/json'"
  const wait = (2 * duration(refresh)) / 1000
  const pause = Math.ceil(wait) + 1
  const redirected = plainOrigin === undefined ? '' : `Plain http is redirected: ${plainOrigin}\n`
  return `
The shop listens on ${origin}   (only on this machine; it runs on ${framework})
${redirected}Admin token: ${adminToken}
${counted}

Open ${origin} in a browser (what its policy refused is at ${origin}/reports), or try:

  ${curl} ${origin}/customers ${json} \\
    -d '{"name":"Ada Lovelace","email":"ada@example.com","phone":"+999100200300"}'
  ${curl} ${origin}/customers/search ${json} -d '{"email":"ADA@example.com"}'
  ${curl} '${origin}/customers?limit=2'

Rotate the key. The new one is pending for ${wait} s, so that every instance has it; only then there is something to re-encrypt:

  ${curl} ${origin}/admin/rotate ${token} ${json} -d '{}'
  sleep ${pause}
  ${curl} ${origin}/admin/reencrypt ${token} ${json} -d '{}'

See how far it is, until its state is "done", and how many rows need each key:

  ${curl} ${origin}/admin/reencrypt ${token}
  ${curl} ${origin}/admin/keys ${token}

Destroy the old version. No row may need it, and the new one must have been active for ${wait} s:

  sleep ${pause}
  ${curl} ${origin}/admin/destroy ${token} ${json} -d '{"version":${version}}'

See a limit, last of all: the API takes ${apiLimit} requests a minute, and its answers count down; what comes then is refused, under /admin too:

  for i in $(seq ${apiLimit + 1}); do ${curl} -s -o /dev/null -w '%{http_code} ' '${origin}/receipts?limit=1'; done
  ${curl} -i '${origin}/receipts?limit=1'

Stop it with Ctrl+C, or from elsewhere with: kill ${pid}
`
}
