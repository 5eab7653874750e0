// What Node answers itself, before any framework: seen with real servers and raw sockets.
import { createServer, type Server, type ServerOptions } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { clientError } from '@mosaajii/core/node'
import type { HeaderPair } from '@mosaajii/core'
import { afterEach, describe, expect, it } from 'vitest'
import { listen, type Running, sendRaw } from './support/http.ts'

const running: Running[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})
async function started(headers: () => readonly HeaderPair[], options: ServerOptions = {}): Promise<[number, Server]> {
  const server = createServer(options, (req, res) => {
    if (req.url === '/slow') res.write('begun')
    else req.resume().on('end', () => res.end('ok'))
  })
  server.on('clientError', clientError(headers))
  const one = await listen(server)
  running.push(one)
  return [one.port, server]
}
const pairs = (): readonly HeaderPair[] => [['X-Guarded', 'yes']]

describe('clientError', () => {
  it.each([
    ['400 Bad Request', 'NONSENSE\r\n\r\n'],
    ['400 Bad Request', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['431 Request Header Fields Too Large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
    [
      '413 Content Too Large',
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(17_000)}\r\na\r\n0\r\n\r\n`,
    ],
  ])('answers %s as Node would, as a problem with the headers', async (status, text) => {
    const [port] = await started(pairs)
    const answer = await sendRaw(port, text)
    expect(answer.split('\r\n')[0]).toBe(`HTTP/1.1 ${status}`)
    expect(answer).toContain('\r\nX-Guarded: yes\r\n')
    expect(answer).toContain('\r\nconnection: close\r\n')
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ status: Number(status.slice(0, 3)) })
  })

  it('answers 408 to a client that takes too long', async () => {
    const [port] = await started(pairs, { headersTimeout: 50, requestTimeout: 60, connectionsCheckingInterval: 20 })
    const answer = await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n')
    expect(answer).toMatch(/^HTTP\/1.1 408 Request Timeout\r\nX-Guarded: yes\r\n/)
  })

  it('writes no header that is none, and survives a callback that throws', async () => {
    const bad: readonly HeaderPair[] = [
      ['X-Split', 'a\r\nX-Evil: 1'],
      ['X-Evil: 2\r\nX', 'b'],
      ['X Space', 'c'],
      ['', 'd'],
      ['X-Wide', '\u{1f600}'],
      ['X-Good', 'yes'],
    ]
    const [port] = await started(() => bad)
    const answer = await sendRaw(port, 'NONSENSE\r\n\r\n')
    expect(answer).toContain('X-Good: yes')
    expect(answer).not.toMatch(/X-Evil|X Space|X-Wide|^: /m)
    const [other] = await started(() => {
      throw new Error('none')
    })
    expect(await sendRaw(other, 'NONSENSE\r\n\r\n')).toMatch(
      /^HTTP\/1.1 400 Bad Request\r\ncontent-type: application\/problem\+json\r\n/,
    )
  })

  it.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['a promise', () => Promise.resolve([['X-Late', 'yes']])],
    ['a promise that is rejected', () => Promise.reject(new Error('none'))],
    ['an object', () => ({ 'X-Object': 'yes' })],
    ['pairs of other things', () => [null, 'ab', [], ['X-Number', 7], [Symbol('x'), 'y'], ['X-Euro', 'caf\u20ac']]],
  ])('answers all the same where the callback gives %s', async (_what, give) => {
    const [port] = await started(give as () => readonly HeaderPair[])
    expect(await sendRaw(port, 'NONSENSE\r\n\r\n')).toMatch(
      /^HTTP\/1.1 400 Bad Request\r\ncontent-type: application\/problem\+json\r\n/,
    )
  })

  it('writes nothing into a response that has begun', async () => {
    const [port] = await started(pairs)
    const answer = await sendRaw(port, 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\nNONSENSE\r\n\r\n')
    expect(answer).not.toContain('problem')
    expect(answer).not.toContain('400')
  })

  it('does not wait for a client that keeps its side open', async () => {
    const [port, server] = await started(pairs)
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => sockets.add(socket))
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => client.write('NONSENSE\r\n\r\n'))
    client.on('error', () => undefined).resume()
    for (let i = 0; i < 50 && [...sockets].every((socket) => !socket.destroyed); i++) await wait(20)
    expect([...sockets].map((socket) => socket.destroyed)).toEqual([true])
    client.destroy()
  })

  it('leaves a connection that was reset alone', () => {
    const calls: string[] = []
    const socket = {
      writable: true,
      destroy: () => calls.push('destroy'),
      end: () => calls.push('end'),
      once: () => calls.push('once'),
    }
    clientError(pairs)(Object.assign(new Error('reset'), { code: 'ECONNRESET' }), socket as unknown as Socket)
    clientError(pairs)(new Error('closed'), { ...socket, writable: false } as unknown as Socket)
    expect(calls).toEqual(['destroy', 'destroy'])
  })
})
