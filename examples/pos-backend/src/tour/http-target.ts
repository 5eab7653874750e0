import type { SeedTarget } from '../seed.ts'
import { ask } from './client.ts'

/** The HTTP API of a shop as what the seed fills: as any client would. */
export function httpTarget(origin: string): SeedTarget {
  const post = async <T>(path: string, body: unknown): Promise<T> => {
    const { status, text } = await ask(origin, 'POST', path, body)
    if (status === 201) return JSON.parse(text) as T
    throw Object.assign(new Error(`the seed was refused with status ${status}: ${text}`), { status })
  }
  return {
    importAll: async (customers) => (await post<{ ids: string[] }>('/customers/import', { customers })).ids,
    pay: async (order) => (await post<{ id: string }>('/payments', order)).id,
  }
}
