// Run by events.test.ts in a process of its own, with --unhandled-rejections=strict.
import { emit, type EventSink } from '@mosaajii/core'

const failure = new Error('the log is full')

const failing: readonly EventSink['write'][] = [
  () => {
    throw failure
  },
  () => Promise.reject(failure),
  async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    throw failure
  },
  // A promise of another library that rejects, one whose `then` throws, and one that cannot even be asked for it.
  () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(failure) }) as unknown as Promise<void>,
  () =>
    ({
      then: () => {
        throw failure
      },
    }) as unknown as Promise<void>,
  () =>
    ({
      get then(): never {
        throw failure
      },
    }) as unknown as Promise<void>,
]

for (const write of failing) emit({ write }, 'till.opened', { till: 3 })
if (process.argv[2] === 'unhandled') void Promise.reject(failure)

setTimeout(() => console.log('alive'), 50)
