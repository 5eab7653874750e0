import { RateLimiterMemory } from 'rate-limiter-flexible'

const HUGE = 1_000_000_000

/** The checks of `speed-ours.mjs`. Its windows outlast the run: its timers cost nothing here. It rejects where it refuses. */
export function checks() {
  const limiter = (points) => new RateLimiterMemory({ points, duration: 3600 })
  const [single, one, other, full] = [limiter(HUGE), limiter(HUGE), limiter(HUGE), limiter(1)]
  const allows = ({ remainingPoints }) => remainingPoints > 0
  const same = (result) => result
  return {
    'one rule': { check: (address) => single.consume(address), allows },
    'two rules': { check: (address) => one.consume(address).then(() => other.consume(address)), allows },
    refused: { check: (address) => full.consume(address).then(same, same), allows },
  }
}
