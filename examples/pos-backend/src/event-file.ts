import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { EventSink } from '@mosaajii/core'

/** A sink that can be closed. */
export interface EventFile extends EventSink {
  close(): Promise<void>
}

/**
 * Keeps security events in a file, one JSON line each. A write resolves when the disk has it, which is what lets a required event precede
 * its effect. It shows no tampering: that is the audit log's work.
 */
export async function eventFile(path: string): Promise<EventFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(path, 'a', 0o600)
  let last: Promise<void> = Promise.resolve()
  const append = async (line: string): Promise<void> => {
    await file.appendFile(line)
    await file.datasync()
  }
  return {
    // One after the other: appends that overlap may interleave.
    write: (event) => {
      const written = last.then(() => append(`${JSON.stringify(event)}\n`))
      last = written.catch(() => undefined)
      return written
    },
    close: async () => {
      await last
      await file.close()
    },
  }
}
