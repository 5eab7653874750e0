import type { RequestListener } from 'node:http'
import type { EventSink } from '@mosaajii/core'
import type { Limits } from '../limits.ts'
import type { RefusalCount } from '../refusal-count.ts'
import type { Route } from './route.ts'

/** What each framework mounts. */
export interface HttpOptions {
  readonly routes: readonly Route[]
  /** Where the reports of browsers go. */
  readonly events: EventSink
  readonly limits: Limits
  readonly refusals: RefusalCount
}

/** The shop on one framework, ready for a server of Node. */
export interface HttpApp {
  readonly listener: RequestListener
  close(): Promise<void>
}

/** The frameworks by name. Only the one that is used is loaded. */
const frameworks = {
  express: async (options: HttpOptions): Promise<HttpApp> => (await import('./express.ts')).expressApp(options),
  fastify: async (options: HttpOptions): Promise<HttpApp> => (await import('./fastify.ts')).fastifyApp(options),
  hono: async (options: HttpOptions): Promise<HttpApp> => (await import('./hono.ts')).honoApp(options),
} as const

/** A framework that the shop runs on. */
export type FrameworkName = keyof typeof frameworks

/** All of them. */
export const frameworkNames = Object.keys(frameworks) as readonly FrameworkName[]

/** Mounts the routes on a framework. */
export function httpApp(name: FrameworkName, options: HttpOptions): Promise<HttpApp> {
  return frameworks[name](options)
}
