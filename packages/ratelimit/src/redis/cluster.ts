import slotOf from 'cluster-key-slot'
import type { Cluster, Redis } from 'ioredis'
import type { CounterState, Demand, OpenWindows, Receipt, StoreAnswer } from '../window-store.ts'
import type { Calls } from './calls.ts'
import type { Nodes } from './connection.ts'
import type { Deadline } from './deadlines.ts'
import type { CountOperation } from './demands.ts'
import { SingleWindows } from './single.ts'

/**
 * The primaries of a cluster, as its client knows them. The client connects to a node when it is first asked, and refuses all other calls until it
 * has; so each node is connected as soon as it is known, the replicas too: they may take over.
 */
export function nodesOf(client: Cluster): Nodes {
  client.on('+node', connectSoon)
  for (const node of client.nodes()) connectSoon(node)
  return {
    of: (key) => client.slots[slotOf(key)]?.[0] ?? '',
    lookAgain: () => client.refreshSlotsCache(),
  }
}

/** Not at once: the call for which a node was just made would be refused. */
function connectSoon(node: Redis): void {
  setImmediate(() => {
    if (node.status === 'wait') node.connect().catch(() => undefined)
  })
}

/** The demands of a call that lie in one slot, and where they stand in the call. */
interface Group {
  readonly places: number[]
  readonly demands: Demand[]
}

/** Whether a call goes on without some of its counters. */
type GoesOn = (lost: readonly Demand[]) => boolean

/** What became of the groups of a call: answers in their order, `undefined` where there was none. */
interface Outcome {
  readonly answers: readonly (StoreAnswer | undefined)[]
  readonly error: unknown
}

/**
 * Counters on a Redis Cluster. A call whose counters lie in one slot is one script, as on a single server. Counters in several slots are peeked
 * in parallel, and taken only if none refuses; when one refuses then after all, the others get back what was taken. So a limit is never exceeded, and
 * a refused call writes nothing except in a race. A node that does not answer lifts no limit of the others: whoever asks decides about its counters.
 */
export class ClusterWindows extends SingleWindows implements OpenWindows {
  readonly #calls: Calls

  constructor(calls: Calls) {
    super(calls)
    this.#calls = calls
  }

  override async take(demands: readonly Demand[], goesOn: GoesOn = () => false): Promise<StoreAnswer> {
    const groups = this.#groupsOf(demands)
    return groups.length < 2 ? super.take(demands) : this.#take(groups, demands, goesOn)
  }

  override peek(demands: readonly Demand[]): Promise<StoreAnswer> {
    return this.#each('peek', demands)
  }

  override penalize(demands: readonly Demand[]): Promise<StoreAnswer> {
    return this.#each('penalize', demands)
  }

  override async refund(receipts: readonly Receipt[]): Promise<void> {
    await this.#calls.once((deadline) => this.#refund(receipts, deadline))
  }

  async #take(groups: readonly Group[], demands: readonly Demand[], goesOn: GoesOn): Promise<StoreAnswer> {
    let taken: Outcome | undefined
    const peeked = await this.#calls.once(async (deadline) => {
      const outcome = await this.#count('peek', groups, deadline)
      if (outcome.answers.every((answer) => answer?.admitted)) taken = await this.#count('take', groups, deadline)
      return outcome
    })
    if (taken === undefined) {
      // What refuses is known, whatever the others would have said.
      if (isRefused(peeked)) return joined(groups, demands, peeked)
      if (!goesOn(groups.filter((_, i) => peeked.answers[i] === undefined).flatMap((group) => group.demands))) {
        return joined(groups, demands, peeked)
      }
      // In a time of its own: waiting for those that do not answer has used up that of the call.
      taken = await this.#calls.once((deadline) => this.#count('take', groups, deadline, peeked))
    }
    if (!isRefused(taken)) return joined(groups, demands, taken)
    await this.#giveBack(taken.answers)
    // Of a counter whose units were given back the peek says how it stands.
    const answers = taken.answers.map((answer, i) => (answer?.admitted ? peeked.answers[i] : answer))
    return joined(groups, demands, { answers, error: taken.error })
  }

  /** In a time of its own: that of the call may be over. What cannot be given back is used up. */
  async #giveBack(answers: readonly (StoreAnswer | undefined)[]): Promise<void> {
    const receipts = answers.flatMap((answer) => answer?.counters ?? []).flatMap(({ receipt }) => receipt ?? [])
    if (receipts.length === 0) return
    await this.refund(receipts).catch(() => undefined)
  }

  async #each(operation: CountOperation, demands: readonly Demand[]): Promise<StoreAnswer> {
    const groups = this.#groupsOf(demands)
    return this.#calls.once(async (deadline) => joined(groups, demands, await this.#count(operation, groups, deadline)))
  }

  /** @param before what became of the groups just now. Those that gave no answer then are not asked. */
  async #count(
    operation: CountOperation,
    groups: readonly Group[],
    deadline: Deadline,
    before?: Outcome,
  ): Promise<Outcome> {
    const settled = await Promise.allSettled(
      groups.map(async ({ demands }, i) => {
        if (before !== undefined && before.answers[i] === undefined) throw before.error
        return this.#calls.count(operation, demands, deadline)
      }),
    )
    const answers = settled.map((one) => (one.status === 'fulfilled' ? one.value : undefined))
    return { answers, error: settled.find((one) => one.status === 'rejected')?.reason }
  }

  async #refund(receipts: readonly Receipt[], deadline: Deadline): Promise<void> {
    const groups = new Map<number, Receipt[]>()
    for (const receipt of receipts) {
      const slot = slotOf(this.#calls.nameOf(receipt.rule, receipt.key))
      const group = groups.get(slot)
      if (group === undefined) groups.set(slot, [receipt])
      else group.push(receipt)
    }
    const settled = await Promise.allSettled([...groups.values()].map((group) => this.#calls.refund(group, deadline)))
    const failed = settled.find((one) => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  #groupsOf(demands: readonly Demand[]): readonly Group[] {
    const groups = new Map<number, Group>()
    for (const [place, demand] of demands.entries()) {
      const slot = slotOf(this.#calls.nameOf(demand.rule, demand.key))
      let group = groups.get(slot)
      if (group === undefined) groups.set(slot, (group = { places: [], demands: [] }))
      group.places.push(place)
      group.demands.push(demand)
    }
    return [...groups.values()]
  }
}

/** Whether some group certainly refuses. */
function isRefused({ answers }: Outcome): boolean {
  return answers.some((answer) => answer?.admitted === false)
}

const lost: CounterState = {
  admits: false,
  remaining: 0,
  retryAfterMs: null,
  resetMs: 0,
  now: 0,
  receipt: undefined,
  failed: true,
}

/** @throws what the first group failed with, if no group answered. */
function joined(groups: readonly Group[], demands: readonly Demand[], { answers, error }: Outcome): StoreAnswer {
  if (answers.every((answer) => answer === undefined)) throw error
  const counters: CounterState[] = []
  for (const [i, { places }] of groups.entries()) {
    for (const [j, place] of places.entries()) counters[place] = answers[i]?.counters[j] ?? lost
  }
  const admitted = demands.every(({ rule }, i) => rule.shadow || counters[i]?.admits === true)
  return answers.includes(undefined) ? { admitted, counters, failure: error } : { admitted, counters }
}
