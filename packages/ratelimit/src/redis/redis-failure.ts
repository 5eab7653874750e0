import { RateLimitError } from '../errors.ts'

/**
 * What a call of Redis fails with.
 *
 * @param reason the same in one word, for events; `undefined` where nobody knows.
 */
export function redisFailure(message: string, reason: string | undefined): RateLimitError {
  // The cause is left out: a client's errors carry the command, and with it the names of counters.
  const error = new RateLimitError('WINDOW_STORE_FAILED', `redisStore: ${message}`, { status: 503 })
  return reason === undefined ? error : Object.assign(error, { reason })
}

/** What a client's error says. */
export function clientFailure(error: unknown): RateLimitError {
  if (!(error instanceof Error)) return redisFailure('the client failed', undefined)
  // A server that does not know a command repeats what came with it: names of counters.
  const message = error.message.replace(/, with args beginning with.*/s, '').slice(0, 200)
  return redisFailure(message, reasonOf(error))
}

/** Words by which a Redis server begins a refusal. */
const replies = new Set(
  'NOPERM NOAUTH WRONGPASS WRONGTYPE OOM READONLY LOADING MASTERDOWN MISCONF NOREPLICAS BUSY CLUSTERDOWN TRYAGAIN MOVED ASK FOREIGN ERR'.split(
    ' ',
  ),
)

/** A script's refusal for want of a permission has no word of its own on Redis 7. */
const isForbidden = /^ERR (?:The user executing the script can't|ACL failure in script)/

function reasonOf({ name, message }: Error): string | undefined {
  // Of a client's own errors some have a class or a code and some only a text; what they have in common is that no reply came.
  if (name !== 'ReplyError') return mistakes.has(name) ? undefined : 'connection'
  if (isForbidden.test(message)) return 'NOPERM'
  const [word = ''] = message.split(' ', 1)
  return replies.has(word) ? word : undefined
}

const mistakes: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError'])
