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

/** What became of the groups of a call: answers in their order, `undefined` where there was none. */
interface Outcome {
  readonly answers: readonly (StoreAnswer | undefined)[]
  readonly error: unknown
}

/**
 * Counters on a Redis Cluster. A call whose counters lie in one slot is one script, as on a single server. Counters in several slots are peeked
 * in parallel, and taken only if none refuses; when one refuses then after all, the others get back what was taken. So a limit is never exceeded, and
 * a refused call writes nothing except in a race.
 */
export class ClusterWindows extends SingleWindows implements OpenWindows {
  readonly #calls: Calls

  constructor(calls: Calls) {
    super(calls)
    this.#calls = calls
  }

  override take(demands: readonly Demand[]): Promise<StoreAnswer> {
    const groups = this.#groupsOf(demands)
    if (groups.length < 2) return super.take(demands)
    return this.#calls.once((deadline) => this.#take(groups, demands, deadline))
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

  async #take(groups: readonly Group[], demands: readonly Demand[], deadline: Deadline): Promise<StoreAnswer> {
    const peeked = joined(groups, demands, answersOf(await this.#count('peek', groups, deadline)))
    if (!peeked.admitted) return peeked
    const outcome = await this.#count('take', groups, deadline)
    if (outcome.answers.every((answer) => answer?.admitted)) return joined(groups, demands, answersOf(outcome))
    await this.#giveBack(outcome.answers)
    const taken = answersOf(outcome)
    // Of a counter whose units were given back the peek says how it stands.
    return joined(
      groups,
      demands,
      taken.map((answer, i) => (answer.admitted ? groupState(peeked, groups[i]) : answer)),
    )
  }

  /** In a time of its own: that of the call may be over. What cannot be given back is used up. */
  async #giveBack(answers: readonly (StoreAnswer | undefined)[]): Promise<void> {
    const receipts = answers.flatMap((answer) => answer?.counters ?? []).flatMap(({ receipt }) => receipt ?? [])
    if (receipts.length === 0) return
    await this.refund(receipts).catch(() => undefined)
  }

  async #each(operation: CountOperation, demands: readonly Demand[]): Promise<StoreAnswer> {
    const groups = this.#groupsOf(demands)
    return this.#calls.once(async (deadline) =>
      joined(groups, demands, answersOf(await this.#count(operation, groups, deadline))),
    )
  }

  async #count(operation: CountOperation, groups: readonly Group[], deadline: Deadline): Promise<Outcome> {
    const settled = await Promise.allSettled(
      groups.map(({ demands }) => this.#calls.count(operation, demands, deadline)),
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

/** @throws what the first group failed with. */
function answersOf({ answers, error }: Outcome): readonly StoreAnswer[] {
  return answers.map((answer) => {
    if (answer === undefined) throw error
    return answer
  })
}

function joined(groups: readonly Group[], demands: readonly Demand[], answers: readonly StoreAnswer[]): StoreAnswer {
  const counters: CounterState[] = []
  for (const [i, { places }] of groups.entries()) {
    for (const [j, place] of places.entries()) {
      const state = answers[i]?.counters[j]
      if (state !== undefined) counters[place] = state
    }
  }
  return { admitted: demands.every(({ rule }, i) => rule.shadow || counters[i]?.admits === true), counters }
}

/** The part of an answer that a group has in it. */
function groupState(answer: StoreAnswer, group: Group | undefined): StoreAnswer {
  return { admitted: true, counters: (group?.places ?? []).flatMap((place) => answer.counters[place] ?? []) }
}
