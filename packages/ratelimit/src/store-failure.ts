/** Words by which a Redis server begins a refusal. */
const replies = new Set(
  'NOPERM NOAUTH WRONGPASS WRONGTYPE OOM READONLY LOADING MASTERDOWN MISCONF NOREPLICAS BUSY CLUSTERDOWN TRYAGAIN MOVED ASK FOREIGN ERR'.split(
    ' ',
  ),
)

/** What `redisStore` says when there is no reply, and the word for it. The first that fits. */
const silences: readonly (readonly [RegExp, string])[] = [
  // A script's refusal for want of a permission has no word of its own on Redis 7.
  [/^ERR (?:The user executing the script can't|ACL failure in script)/, 'NOPERM'],
  [/^Redis did not answer within /, 'deadline'],
  [/^Redis does not answer;/, 'breaker'],
  [
    /^(?:Stream|Cluster) isn't |^Connection is closed|^Socket (?:closed|timeout)|ECONN|EPIPE|^Reached the max retries/,
    'connection',
  ],
  [/^Failed to refresh slots cache|^Too many Cluster redirections|^None of startup nodes/, 'connection'],
]

/**
 * Why a store failed, in one word: for Redis the word of its reply (`NOPERM`, `OOM`), or `deadline`, `breaker` or `connection`; else the error's code or its
 * name. Never part of a message, which may show a key or where the store is.
 */
export function storeFailure(error: unknown): string {
  try {
    const { code, name, message } = error as { code?: unknown; name?: unknown; message?: unknown }
    if (code === 'WINDOW_STORE_FAILED' && typeof message === 'string') return redisFailure(message) ?? code
    for (const word of [code, name]) if (typeof word === 'string' && /^\w{1,64}$/.test(word)) return word
  } catch {
    // An error whose fields throw has no name.
  }
  return 'unknown'
}

function redisFailure(message: string): string | undefined {
  const [, said] = /^redisStore: (.*)/.exec(message) ?? []
  if (said === undefined) return undefined
  const silence = silences.find(([pattern]) => pattern.test(said))
  if (silence !== undefined) return silence[1]
  const [word = ''] = said.split(' ', 1)
  return replies.has(word) ? word : undefined
}
