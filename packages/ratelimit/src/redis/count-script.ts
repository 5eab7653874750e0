import type { WindowRule } from '../window-store.ts'
import { opening, withForm } from './counter-form.ts'

const mostRules = 1000

/**
 * Makes the script that takes, peeks and penalizes by these rules. Their numbers stand in its text: sent with each call they would cost server
 * and client time, and they change with a deployment only.
 *
 * KEYS are the counters. ARGV[1] is a letter for what to do, and three digits for the rule of each counter. Then come the costs, or one that all have:
 * each parameter costs time on both sides.
 *
 * Returns 35 bytes for each counter: what remains (4), when the cost passes (6, all ones: never), when more remains (6), the counter's time (6), and
 * of what was taken the kept time (6) and the mark (7; 0: nothing was taken).
 *
 * The usual way, no backoff and enough room, looks at the head and at the hits that have expired, and at nothing else.
 *
 * @throws {RangeError} when there are more than 1000 rules, or a rule has a number that is none.
 */
export function countScriptOf(rules: readonly WindowRule[]): string {
  if (rules.length > mostRules) throw new RangeError(`redisStore: a limiter has at most ${mostRules} rules`)
  return withForm(`
${opening}
local function ruleAt(place)
${rules.map(ruleLine).join('\n')}
end

${slowParts}
${counting}`)
}

/** What the count script does, as it is told. */
export const operations = { take: 't', peek: 'p', penalize: 'n' } as const

/** How a rule is named in a call. */
export function placeOf(place: number): string {
  return String(place).padStart(3, '0')
}

/** A rule of the count script: what `ruleAt` returns for its place. */
function ruleLine({ limit, window, quantum, shadow, backoff }: WindowRule, place: number): string {
  const numbers = [limit, window, quantum]
  const growth = backoff === undefined ? [] : [backoff.after, backoff.base, backoff.factor, backoff.max]
  for (const number of [...numbers, ...growth]) {
    if (!Number.isFinite(number)) throw new RangeError('redisStore: a rule has a number that is none')
  }
  return `  if place == '${placeOf(place)}' then return ${[...numbers, shadow, ...growth].join(', ')} end`
}

const slowParts = `-- What only some calls need is defined when one needs it: to define a function takes time in every call, most of it for what it uses from outside.
local function slowParts(ruleAt)
  local pack, unpack, sub = struct.pack, struct.unpack, string.sub
  -- The waits of each rule, one for each unit from the first that waits up to the longest wait, as far as a call needs them.
  local waits = {}

  -- When the growing wait ends, by the units that count. 0: there is none.
  local function waitsUntil(place, newest, live, after, base, factor, most)
    if not after or live < after then return 0 end
    local known, wanted = waits[place], factor > 1 and live - after + 1 or 1
    if not known then
      known = { base }
      waits[place] = known
    end
    if not known[wanted] then
      for step = #known + 1, wanted do
        if known[step - 1] >= most then break end
        known[step] = known[step - 1] * factor
      end
    end
    return newest + math.ceil(math.min(known[wanted] or most, most))
  end

  -- Goes through the moments at which a counter may admit more, if nothing is admitted meanwhile, until all is known.
  local function read(state, first, newest, units, total, blocked, now, cost, place)
    local limit, window, quantum, shadow, after, base, factor, most = ruleAt(place)
    -- The newest hit follows those that are kept apart from it.
    local function hitAt(position)
      if position < #state then return unpack($HIT, state, position) end
      if position == #state + 1 and units > 0 then return newest, units end
    end
    local at, live, position = now, total, first
    local remaining, retry, reset = nil, $NEVER, 0
    local oldest, gone = hitAt(position)
    while true do
      local waits, room = waitsUntil(place, newest, live, after, base, factor, most), 0
      if at >= blocked and at >= waits and live < limit then room = limit - live end
      if not remaining then remaining = room elseif reset == 0 and room > remaining then reset = at - now end
      if retry == $NEVER and room >= cost then retry = at - now end
      if reset > 0 and (retry ~= $NEVER or cost > limit) then break end
      local moment = oldest and oldest + window or math.huge
      if waits > at and waits < moment then moment = waits end
      -- Whatever happens within a block, nothing passes before its end.
      if blocked > at then moment = blocked end
      if moment == math.huge then break end
      at = moment
      while oldest and oldest + window <= at do
        live, position = live - gone, position + $SIZE
        oldest, gone = hitAt(position)
      end
    end
    return remaining, retry, reset
  end

  -- Keeps the newest units up to the largest limit. What is dropped expires before them, so no later answer differs.
  local function keepNewest(hits, units, over)
    local first, kept = 1, ''
    while over > 0 and first < #hits do
      local at, there = unpack($HIT, hits, first)
      if there > over then kept = pack($HIT, at, there - over) end
      first, over = first + $SIZE, over - there
    end
    if over > 0 then units = units - over end
    return kept .. sub(hits, first), units
  end

  return waitsUntil, read, keepNewest
end
`

const counting = `local waitsUntil, read, keepNewest

local counters, admitted, asked = {}, true, ARGV[1]
for i = 1, #KEYS do
  local limit, window, quantum, shadow, after, base, factor, most = ruleAt(sub(asked, 3 * i - 1, 3 * i + 1))
  local cost, state = (ARGV[i + 1] or ARGV[2]) + 0, call('GET', KEYS[i])
  local now, mark, blocked, total, newest, units, first, oldest, largest = clock, micros, 0, 0, 0, 0, 1, 0, limit
  if state then
    if $BROKEN then return $FOREIGN end
    local version, seen, known
    version, mark, seen, blocked, known, total, newest, units = unpack($HEAD, state)
    if version ~= $VERSION then return $FOREIGN end
    if seen > now then now = seen end
    if newest + window <= now then
      total, newest, units, first = 0, 0, 0, #state + 1
    else
      if known > largest then largest = known end
      first, oldest = $HITS, newest
      while first < #state do
        local at, gone = unpack($HIT, state, first)
        if at + window > now then oldest = at break end
        total, first = total - gone, first + $SIZE
      end
    end
  end
  local passes = cost <= limit - total and now >= blocked
  if after then
    if not read then waitsUntil, read, keepNewest = slowParts(ruleAt) end
    passes = passes and now >= waitsUntil(sub(asked, 3 * i - 1, 3 * i + 1), newest, total, after, base, factor, most)
  end
  if not passes and not shadow then admitted = false end
  counters[i] = { state or '', now, mark, blocked, total, newest, units, first, oldest, largest, passes }
end

local answer, operation = '', sub(asked, 1, 1)
for i = 1, #KEYS do
  local limit, window, quantum, shadow, after = ruleAt(sub(asked, 3 * i - 1, 3 * i + 1))
  local cost = (ARGV[i + 1] or ARGV[2]) + 0
  local state, now, mark, blocked, total, newest, units, first, oldest, largest, passes = values(counters[i])
  local counted, at, taken, drops = 0, 0, 0, false
  if operation == 'n' then
    counted, passes, drops = math.min(cost, largest), false, cost > limit - total
  elseif operation == 't' and admitted and passes then
    counted = cost
  end
  if counted > 0 then
    at, taken = now + -now % quantum, mark
    -- What stands there may be ahead of any clock: the order of the hits must not change.
    if at < newest then at = newest end
    local hits = sub(state, first)
    if units == 0 then
      oldest = at
    elseif at > newest then
      hits, units = hits .. pack($HIT, newest, units), 0
    end
    newest, units, total = at, units + counted, total + counted
    if total > largest then
      if not read then waitsUntil, read, keepNewest = slowParts(ruleAt) end
      hits, units = keepNewest(hits, units, total - largest)
      total = largest
    end
    -- The next life: given back, a unit that is kept would make room that a dropped one still holds.
    if drops then mark, taken = mark + 1, 0 end
    local expiry = newest + window
    if blocked <= now then blocked = 0 elseif blocked > expiry then expiry = blocked end
    state, first = pack($HEAD, $VERSION, mark, now, blocked, largest, total, newest, units) .. hits, $HITS
    call('SET', KEYS[i], state, 'PXAT', expiry)
  end
  local remaining, retry, reset = limit - total, 0, 0
  if passes and not after then
    if total > 0 then reset = oldest + window - now end
  else
    if not read then waitsUntil, read, keepNewest = slowParts(ruleAt) end
    remaining, retry, reset = read(state, first, newest, units, total, blocked, now, cost, sub(asked, 3 * i - 1, 3 * i + 1))
    if passes then retry = 0 end
  end
  answer = answer .. pack($ANSWER, remaining, retry, reset, now, at, taken)
end
return answer
`
