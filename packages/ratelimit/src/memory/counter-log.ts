/** The hits that a view shows: times in milliseconds, the oldest first, and the units of each. */
export interface LoggedHits {
  readonly times: number[]
  readonly units: number[]
}

/** What the records of a table hold, in the way of one algorithm. A record is the number of its block. */
export interface CounterLog {
  /** Begins a record. */
  init(record: number, isReserved: boolean): void
  /** Drops what counts no more, and returns the units that still do. Every other method but `isDead` wants that done at this moment. */
  prune(record: number): number
  /** Whether nothing of a record counts any more. Looks at the record alone. */
  isDead(record: number): boolean
  /** The tick of the newest hit; there must be one. */
  newest(record: number): number
  /** How many blocks a new record takes at most that begins with the hits of another (0: with none) and adds so many units. */
  blocks(from: number, units: number): number
  /** Makes an empty record hold the same hits as another. There must be room. */
  copy(from: number, record: number): void
  /** How many units can be added with the blocks that are left. */
  room(record: number): number
  /** Counts units now. There must be room. */
  add(record: number, units: number): void
  /** Drops the oldest units, fewer than there are or all. */
  drop(record: number, units: number): void
  /** Takes units back that were counted at a tick, as far as they are there. */
  remove(record: number, tick: number, units: number): void
  clear(record: number): void
  /** In how many milliseconds so many of the oldest units count no more. There must be as many. */
  expiry(record: number, units: number): number
  hits(record: number): LoggedHits
}
