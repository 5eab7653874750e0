/**
 * A counter as one string. First a head of 38 bytes: the version of this form, the mark of the counter's life, the newest time it has seen, the
 * time until which it is blocked, the largest limit by which it was counted, the units of all hits, and the newest hit with its time and its
 * units. Then the hits before it, the oldest first, 10 bytes each. All numbers are unsigned and big-endian, all times are milliseconds since 1970.
 *
 * The limit is there for two releases that count at the same time: a penalty by the smaller one drops no unit that the larger one needs.
 *
 * The newest hit stands in the head, because most calls change nothing else: in `strict` they fall into the sub-window of the call before.
 */
const version = 1
const head = '>BI7I6I6I4I4I6I4'
const hit = '>I6I4'
const answer = '>I4I6I6I6I6I7'
const headLength = 38
const hitLength = 10

/** How long the answer for one counter is, and what stands in it for a time that never comes. */
export const answerLength = 35
export const never: number = 2 ** 48 - 1

/** Puts the form's numbers into a script, which writes them as `$HEAD`. */
export function withForm(script: string): string {
  return script
    .replaceAll('$VERSION', String(version))
    .replaceAll('$HEAD', `'${head}'`)
    .replaceAll('$BROKEN', `(#state < ${headLength} or (#state - ${headLength}) % ${hitLength} ~= 0)`)
    .replaceAll('$HITS', String(headLength + 1))
    .replaceAll('$HIT', `'${hit}'`)
    .replaceAll('$SIZE', String(hitLength))
    .replaceAll('$ANSWER', `'${answer}'`)
    .replaceAll('$FOREIGN', "redis.error_reply('FOREIGN the key holds something else than a counter of this version')")
    .replaceAll('$NEVER', String(never))
    .trim()
}

/** What every script begins with. The clock is the server's; a counter's own time is the later of it and the newest time that it has seen. */
export const opening: string = `
local call, pack, unpack, sub, values = redis.call, struct.pack, struct.unpack, string.sub, unpack
local time = call('TIME')
local micros = time[1] * 1000000 + time[2]
local clock = (micros - micros % 1000) / 1000
`
