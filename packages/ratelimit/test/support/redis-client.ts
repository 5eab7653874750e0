import type { Cluster, Redis } from 'ioredis'

/** Waits until a client is ready, and takes its complaints about lost connections, which tests cause. */
export function connected<C extends Redis | Cluster>(client: C): Promise<C> {
  client.on('error', () => undefined)
  return new Promise((resolve, reject) => {
    if (client.status === 'ready') resolve(client)
    client.once('ready', () => resolve(client))
    client.once('end', () => reject(new Error('the client cannot connect')))
  })
}
