/**
 * A counter as one string. First a head of 34 bytes: the version of this form, the mark of the counter's life, the newest time it has seen, the
 * time until which it is blocked, the units of all hits, and the newest hit with its time and its units. Then the hits before it, the oldest
 * first, 10 bytes each. All numbers are unsigned and big-endian, all times are milliseconds since 1970.
 *
 * The newest hit stands in the head, because most calls change nothing else: in `strict` they fall into the sub-window of the call before.
 */
const version = 1
const head = '>BI7I6I6I4I6I4'
const hit = '>I6I4'
const headLength = 34
const hitLength = 10

/** Puts the form's numbers into a script, which writes them as `$HEAD`. */
function withForm(script: string): string {
  return script
    .replaceAll('$VERSION', String(version))
    .replaceAll('$HEAD', `'${head}'`)
    .replaceAll('$HITS', String(headLength + 1))
    .replaceAll('$HIT', `'${hit}'`)
    .replaceAll('$SIZE', String(hitLength))
    .trim()
}

/** What every script begins with. The clock is the server's; a counter's own time is the later of it and the newest time that it has seen. */
const opening = `
local call, pack, unpack, sub = redis.call, struct.pack, struct.unpack, string.sub
local time = call('TIME')
local micros = time[1] * 1000000 + time[2]
local clock = (micros - micros % 1000) / 1000
local foreign = redis.error_reply('FOREIGN the key holds a counter of another version')
`

/**
 * Takes, peeks or penalizes.
 *
 * KEYS are the counters. ARGV[1] says what to do, then come five values for each counter: limit, window, quantum, cost, and what few rules have:
 * `s` for a shadow, then `after base factor max` of a backoff.
 *
 * Returns six numbers for each counter: what remains, when the cost passes (-1: never), when more remains, the counter's time, and of what was
 * taken the kept time and the mark (0: nothing was taken).
 *
 * The usual way, no backoff and enough room, looks at the head and at the hits that have expired, and at nothing else.
 */
export const countScript: string = withForm(`
${opening}
local function gap(c, live)
  if not c.after or live < c.after then return 0 end
  local wait = c.base
  for unit = c.after, live - 1 do
    if wait >= c.max then break end
    wait = wait * c.factor
  end
  return math.ceil(math.min(wait, c.max))
end

-- When the growing wait ends, by the units that count. 0: there is none.
local function waitsUntil(c, live)
  local wait = gap(c, live)
  return wait == 0 and 0 or c.newest + wait
end

-- The hit at a place of the state. The newest one follows those that are kept apart from it.
local function hitAt(c, place)
  if place < #c.state then return unpack($HIT, c.state, place) end
  if place == #c.state + 1 and c.units > 0 then return c.newest, c.units end
end

-- Goes through the moments at which a counter may admit more, if nothing is admitted meanwhile, until all is known.
local function read(c, cost)
  local at, live, place = c.now, c.total, c.first
  local remaining, retry, reset = nil, -1, 0
  local oldest, units = hitAt(c, place)
  while true do
    local waits, room = waitsUntil(c, live), 0
    if at >= c.blocked and at >= waits and live < c.limit then room = c.limit - live end
    if not remaining then remaining = room elseif reset == 0 and room > remaining then reset = at - c.now end
    if retry < 0 and room >= cost then retry = at - c.now end
    if reset > 0 and (retry >= 0 or cost > c.limit) then break end
    local moment = oldest and oldest + c.window or math.huge
    if c.blocked > at and c.blocked < moment then moment = c.blocked end
    if waits > at and waits < moment then moment = waits end
    if moment == math.huge then break end
    at = moment
    while oldest and oldest + c.window <= at do
      live, place = live - units, place + $SIZE
      oldest, units = hitAt(c, place)
    end
  end
  return remaining, retry, reset
end

-- Keeps the newest units up to the limit. What is dropped expires before them, so no later answer differs.
local function keepNewest(c)
  local over, kept = c.total - c.limit, ''
  while over > 0 and c.first < #c.state do
    local at, units = unpack($HIT, c.state, c.first)
    if units > over then kept = pack($HIT, at, units - over) end
    c.first, c.total, over = c.first + $SIZE, c.total - math.min(units, over), over - units
  end
  if over > 0 then c.units, c.total = c.units - over, c.limit end
  return kept
end

local function count(c, key, quantum, units)
  local at, last, kept = c.now + -c.now % quantum, '', ''
  -- Rules may change while their counters live: the order of the hits must not.
  if at < c.newest then at = c.newest end
  if c.units == 0 then
    c.oldest = at
  elseif at > c.newest then
    last, c.units = pack($HIT, c.newest, c.units), 0
  end
  c.newest, c.units, c.total = at, c.units + units, c.total + units
  if last ~= '' then c.state = c.state .. last end
  if c.total > c.limit then kept = keepNewest(c) end
  if c.blocked <= c.now then c.blocked = 0 end
  c.state = pack($HEAD, $VERSION, c.mark, c.now, c.blocked, c.total, at, c.units) .. kept .. sub(c.state, c.first)
  c.first = $HITS
  call('SET', key, c.state, 'PXAT', math.max(at + c.window, c.blocked))
end

local counters, admitted = {}, true
for i = 1, #KEYS do
  local limit, window, cost, extra = ARGV[5 * i - 3] + 0, ARGV[5 * i - 2] + 0, ARGV[5 * i] + 0, ARGV[5 * i + 1]
  local state = call('GET', KEYS[i])
  local now, mark, blocked, total, newest, units, first, oldest = clock, micros, 0, 0, 0, 0, 1, 0
  if state then
    local version, seen
    version, mark, seen, blocked, total, newest, units = unpack($HEAD, state)
    if version ~= $VERSION then return foreign end
    if seen > now then now = seen end
    if newest + window <= now then
      total, newest, units, first = 0, 0, 0, #state + 1
    else
      first, oldest = $HITS, newest
      while first < #state do
        local at, gone = unpack($HIT, state, first)
        if at + window > now then oldest = at break end
        total, first = total - gone, first + $SIZE
      end
    end
  end
  local c = { state = state or '', now = now, mark = mark, blocked = blocked, total = total, newest = newest, units = units,
    first = first, oldest = oldest, limit = limit, window = window, cost = cost }
  c.passes = cost <= limit - total and now >= blocked
  if extra ~= '' then
    local after, base, factor, max = string.match(extra, '(%d%S*) (%S+) (%S+) (%S+)')
    if after then
      c.after, c.base, c.factor, c.max = after + 0, base + 0, factor + 0, max + 0
      if c.passes and now < waitsUntil(c, total) then c.passes = false end
    end
    c.shadow = sub(extra, 1, 1) == 's'
  end
  if not c.passes and not c.shadow then admitted = false end
  counters[i] = c
end

local answer, n, op = {}, 0, ARGV[1]
for i = 1, #KEYS do
  local c = counters[i]
  local at, mark, remaining, retry, reset = 0, 0
  if op == 'penalize' then
    count(c, KEYS[i], ARGV[5 * i - 1] + 0, math.min(c.cost, c.limit))
    at, mark = c.newest, c.mark
    remaining, retry, reset = read(c, c.cost)
  else
    if op == 'take' and admitted and c.passes then
      count(c, KEYS[i], ARGV[5 * i - 1] + 0, c.cost)
      at, mark = c.newest, c.mark
    end
    if c.passes and not c.after then
      remaining, retry, reset = c.limit - c.total, 0, c.total > 0 and c.oldest + c.window - c.now or 0
    else
      remaining, retry, reset = read(c, c.cost)
      if c.passes then retry = 0 end
    end
  end
  answer[n + 1], answer[n + 2], answer[n + 3] = remaining, retry, reset
  answer[n + 4], answer[n + 5], answer[n + 6] = c.now, at, mark
  n = n + 6
end
return answer
`)

/**
 * Gives back what receipts took. KEYS are the counters, ARGV three values for each: the kept time, the units, the mark. A counter that has begun a
 * new life has another mark.
 */
export const refundScript: string = withForm(`
${opening}
for i = 1, #KEYS do
  local state = call('GET', KEYS[i])
  local at, back = ARGV[3 * i - 2] + 0, ARGV[3 * i - 1] + 0
  if state then
    local version, mark, seen, blocked, total, newest, units = unpack($HEAD, state)
    if version ~= $VERSION then return foreign end
    local hits, taken = sub(state, $HITS), 0
    if mark == ARGV[3 * i] + 0 then
      if at == newest then
        taken = math.min(back, units)
        units = units - taken
        if units == 0 and hits ~= '' then
          newest, units = unpack($HIT, hits, #hits - $SIZE + 1)
          hits = sub(hits, 1, -1 - $SIZE)
        elseif units == 0 then
          newest = 0
        end
      else
        -- The first hit that is not older.
        local low, high = 0, #hits / $SIZE
        while low < high do
          local middle = math.floor((low + high) / 2)
          if unpack($HIT, hits, middle * $SIZE + 1) < at then low = middle + 1 else high = middle end
        end
        local place = low * $SIZE
        if place < #hits then
          local found, there = unpack($HIT, hits, place + 1)
          if found == at then
            taken = math.min(back, there)
            local left = there > taken and pack($HIT, at, there - taken) or ''
            hits = sub(hits, 1, place) .. left .. sub(hits, place + $SIZE + 1)
          end
        end
      end
    end
    if taken > 0 then
      call('SET', KEYS[i], pack($HEAD, $VERSION, mark, seen, blocked, total - taken, newest, units) .. hits, 'KEEPTTL')
    end
  end
end
return 1
`)

/**
 * Forgets the units of the counter KEYS[1]. What stays is its time, its block and the next mark, by which receipts from before are known, for as
 * long as the forgotten units would have counted.
 */
export const resetScript: string = withForm(`
local state = redis.call('GET', KEYS[1])
if not state then return 1 end
local version, mark, seen, blocked = struct.unpack($HEAD, state)
if version ~= $VERSION then return redis.error_reply('FOREIGN the key holds a counter of another version') end
redis.call('SET', KEYS[1], struct.pack($HEAD, $VERSION, mark + 1, seen, blocked, 0, 0, 0), 'KEEPTTL')
return 1
`)

/** Blocks the counter KEYS[1], whose window is ARGV[1], for ARGV[2] milliseconds from now; 0 ends it. */
export const blockScript: string = withForm(`
${opening}
local state, length = call('GET', KEYS[1]), ARGV[2] + 0
if not state and length == 0 then return 1 end
local version, mark, seen, blocked, total, newest, units = $VERSION, micros, clock, 0, 0, 0, 0
if state then
  version, mark, seen, blocked, total, newest, units = unpack($HEAD, state)
  if version ~= $VERSION then return foreign end
end
if length == 0 then
  blocked = 0
else
  seen = math.max(seen, clock)
  blocked = seen + length
end
local next = pack($HEAD, $VERSION, mark, seen, blocked, total, newest, units) .. (state and sub(state, $HITS) or '')
if length == 0 then
  call('SET', KEYS[1], next, 'KEEPTTL')
else
  call('SET', KEYS[1], next, 'PXAT', math.max(newest + ARGV[1], blocked))
end
return 1
`)
