import { opening, withForm } from './counter-form.ts'

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
    if $BROKEN then return $FOREIGN end
    local version, mark, seen, blocked, largest, total, newest, units = unpack($HEAD, state)
    if version ~= $VERSION then return $FOREIGN end
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
      call('SET', KEYS[i], pack($HEAD, $VERSION, mark, seen, blocked, largest, total - taken, newest, units) .. hits, 'KEEPTTL')
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
if $BROKEN then return $FOREIGN end
local version, mark, seen, blocked, largest = struct.unpack($HEAD, state)
if version ~= $VERSION then return $FOREIGN end
redis.call('SET', KEYS[1], struct.pack($HEAD, $VERSION, mark + 1, seen, blocked, largest, 0, 0, 0), 'KEEPTTL')
return 1
`)

/**
 * Blocks the counter KEYS[1], whose window is ARGV[1], for ARGV[2] milliseconds from now; 0 ends it. What then counts no more is gone: the next
 * counter has a mark of its own, so receipts from before a reset find nothing in it either.
 */
export const blockScript: string = withForm(`
${opening}
local state, length = call('GET', KEYS[1]), ARGV[2] + 0
if not state and length == 0 then return 1 end
local version, mark, seen, blocked, largest, total, newest, units = $VERSION, micros, clock, 0, 0, 0, 0, 0
if state then
  if $BROKEN then return $FOREIGN end
  version, mark, seen, blocked, largest, total, newest, units = unpack($HEAD, state)
  if version ~= $VERSION then return $FOREIGN end
end
seen = math.max(seen, clock)
blocked = length > 0 and seen + length or 0
local expiry = math.max(units > 0 and newest + ARGV[1] or 0, blocked)
if expiry <= seen then
  call('DEL', KEYS[1])
else
  local next = pack($HEAD, $VERSION, mark, seen, blocked, largest, total, newest, units) .. (state and sub(state, $HITS) or '')
  call('SET', KEYS[1], next, 'PXAT', expiry)
end
return 1
`)
