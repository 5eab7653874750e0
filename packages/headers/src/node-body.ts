import { joined } from './joined.ts'
import { HeadersError } from './errors.ts'
import { tooLarge } from './parse-reports.ts'

/** What is used of Node's request stream. */
export interface BodyStream {
  readonly readableEnded: boolean
  readonly destroyed: boolean
  on(event: 'data' | 'end' | 'error' | 'close', listener: (chunk: Uint8Array | string) => void): unknown
  off(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown
  pause(): unknown
}

/**
 * Reads a request body, and stops at the cap: what is beyond it is never in memory. The stream is left paused then and not destroyed, because
 * destroying it closes the connection before the answer is out.
 *
 * @throws {HeadersError} `REPORT_TOO_LARGE`; `REPORT_INVALID` when the client leaves before the end, or something else has read the body.
 */
export function readBody(stream: BodyStream, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let size = 0
    const onData = (data: Uint8Array | string): void => {
      const chunk = typeof data === 'string' ? new TextEncoder().encode(data) : data
      size += chunk.length
      if (size <= maxBytes) return void chunks.push(chunk)
      stream.off('data', onData)
      stream.pause()
      reject(tooLarge(maxBytes))
    }
    const onCut = (): void => reject(new HeadersError('REPORT_INVALID', 'the body ended too early', { status: 400 }))
    if (stream.readableEnded || stream.destroyed) return onCut()
    stream.on('data', onData)
    stream.on('end', () => resolve(joined(chunks, size)))
    stream.on('error', onCut)
    stream.on('close', onCut)
  })
}
