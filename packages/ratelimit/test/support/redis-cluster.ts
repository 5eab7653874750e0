import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, type RedisServer, startRedis } from './redis-server.ts'

/** A Redis Cluster on loopback: three primaries with a replica each. */
export interface RedisCluster {
  /** The primaries first, then their replicas in the same order. */
  readonly servers: readonly RedisServer[]
  /** Waits until the node answers that it is a primary. */
  becomesPrimary(server: RedisServer): Promise<void>
  close(): Promise<void>
}

const primaries = 3
const slots = 16_384

const clusterSettings: readonly string[] = [
  '--cluster-enabled yes --cluster-config-file nodes.conf --cluster-node-timeout 500 --cluster-replica-validity-factor 0',
  // The slots of the others go on while one primary is replaced.
  '--cluster-require-full-coverage no --repl-diskless-sync-delay 0',
].flatMap((line) => line.split(' '))

/** Starts six servers and makes a cluster of them. A primary that does not answer for half a second is replaced. */
export async function startCluster(): Promise<RedisCluster> {
  const nodes: Node[] = []
  try {
    nodes.push(...(await startNodes()))
    await introduce(nodes)
    await shareSlots(nodes)
    await Promise.all(nodes.map(({ client }) => until(() => isWhole(client))))
  } catch (error) {
    await closeAll(nodes)
    throw error
  }
  return {
    servers: nodes.map(({ server }) => server),
    async becomesPrimary(server) {
      const node = nodes.find((one) => one.server === server)
      if (node === undefined) throw new Error('not of this cluster')
      await until(async () => (await node.client.role())[0] === 'master')
    },
    close: () => closeAll(nodes),
  }
}

interface Node {
  readonly server: RedisServer
  readonly client: Redis
  readonly bus: number
}

async function startNodes(): Promise<Node[]> {
  const started = await Promise.allSettled(Array.from({ length: 2 * primaries }, startNode))
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = started.find((one) => one.status === 'rejected')
  if (failed === undefined) return nodes
  await closeAll(nodes)
  throw failed.reason
}

async function startNode(): Promise<Node> {
  const bus = await freePort()
  const server = await startRedis([...clusterSettings, '--cluster-port', String(bus)])
  const client = new Redis(server.url, { retryStrategy: () => 100 }).on('error', () => undefined)
  return { server, client, bus }
}

/** Every node is told of every other, which is quicker than to wait for gossip. */
async function introduce(nodes: readonly Node[]): Promise<void> {
  for (const [i, { client }] of nodes.entries()) await client.cluster('SET-CONFIG-EPOCH', i + 1)
  for (const { client } of nodes) {
    for (const { server, bus } of nodes) await client.call('CLUSTER', 'MEET', '127.0.0.1', server.port, bus)
  }
  await Promise.all(
    nodes.map(({ client }) => until(async () => knownNodes(await client.cluster('INFO')) === nodes.length)),
  )
}

async function shareSlots(nodes: readonly Node[]): Promise<void> {
  for (let i = 0; i < primaries; i++) {
    const from = Math.floor((slots * i) / primaries)
    const to = Math.floor((slots * (i + 1)) / primaries) - 1
    await nodes[i]?.client.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
  }
  for (let i = 0; i < primaries; i++) {
    const id = await nodes[i]?.client.cluster('MYID')
    const replica = nodes[i + primaries]?.client
    await until(async () => (await replica?.cluster('REPLICATE', id ?? '').catch(() => '')) === 'OK')
  }
}

/** Whether a node knows who serves which slot, and who would take over. */
async function isWhole(client: Redis): Promise<boolean> {
  const info = await client.cluster('INFO')
  const ranges = (await client.cluster('SLOTS')) as readonly (readonly unknown[])[]
  // A range is its first and its last slot, and the nodes that hold it.
  return /cluster_state:ok/.test(info) && ranges.length === primaries && ranges.every(({ length }) => length === 4)
}

function knownNodes(info: string): number {
  return Number(/cluster_known_nodes:(\d+)/.exec(info)?.[1])
}

async function closeAll(nodes: readonly Node[]): Promise<void> {
  for (const { client } of nodes) client.disconnect()
  await Promise.all(nodes.map(({ server }) => server.close()))
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end; await sleep(20)) if (await holds()) return
  throw new Error('the cluster does not come together')
}
