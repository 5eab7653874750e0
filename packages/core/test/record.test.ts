// Which request a guard's data belongs to, for what passes as a request of Express.
import { createServer } from 'node:http'
import { dataOf, type Guard } from '@mosaajii/core'
import { toExpress } from '@mosaajii/core/express'
import express, { type Request, type Response } from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { listen, type Running, send } from './support/http.ts'

const running: Running[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})
async function answerOf(app: express.Express): Promise<string> {
  const server = await listen(createServer(app))
  running.push(server)
  return (await send(server.port, '/')).body
}

const till: Guard<'till', string> = {
  as: 'till',
  check: (facts) => ({ pass: true, data: facts.header('x-till') ?? 'none' }),
}
const handler = toExpress(till)
const run = (req: object, res: object = { locals: {} }): void => {
  // oxlint-disable-next-line typescript/no-floating-promises -- this guard answers at once
  handler(req as Request, res as Response, (error?: unknown) => {
    if (error !== undefined) throw error as Error
  })
}
/** What middleware that answers several requests in one makes of the outer one. */
const partOf = (req: Request, name: string): Request =>
  Object.create(req, { headers: { value: { 'x-till': name } } }) as Request

describe('the guards of a request', () => {
  it('are not shared by two that were made of the same one before', async () => {
    const app = express()
    app.get('/', (req, res) => {
      const [one, two] = [partOf(req, 'one'), partOf(req, 'two')]
      run(one)
      run(two)
      expect(() => dataOf(req, till)).toThrow('did not run')
      res.send(`${dataOf(one, till)} ${dataOf(two, till)}`)
    })
    expect(await answerOf(app)).toBe('one two')
  })

  it('are found by what is made of it afterwards', async () => {
    const app = express()
    app.use(handler)
    app.get('/', (req, res) => res.send(dataOf(partOf(req, 'part'), till)))
    expect(await answerOf(app)).toBe('none')
  })

  it('are its own where it is no stream, as in a unit test', () => {
    const [one, two] = [{ headers: { 'x-till': 'one' } }, { headers: { 'x-till': 'two' }, _readableState: null }]
    run(one)
    run(two)
    expect([dataOf(one, till), dataOf(two, till)]).toEqual(['one', 'two'])
    expect(() => dataOf({ headers: {} }, till)).toThrow('did not run')
  })

  it('are not seen by the next request of the connection', async () => {
    const app = express()
    app.get('/guarded', handler, (_req, res) => res.send('ran'))
    app.get('/', (req, res) => {
      expect(() => dataOf(req, till)).toThrow('did not run')
      res.send('apart')
    })
    const server = await listen(createServer(app))
    running.push(server)
    const url = `http://127.0.0.1:${server.port}`
    expect(await (await fetch(`${url}/guarded`)).text()).toBe('ran')
    expect(await (await fetch(url)).text()).toBe('apart')
  })
})

describe('the `writing` of a guard', () => {
  it('is not called for a second writeHead', async () => {
    const written: number[] = []
    const watching: Guard<'watching', true> = {
      as: 'watching',
      check: () => ({ pass: true, data: true, writing: ({ status }) => void written.push(status) }),
    }
    const app = express()
    app.get('/', toExpress(watching), (_req: Request, res: Response) => {
      res.writeHead(201)
      expect(() => res.writeHead(500)).toThrow('after they are sent')
      res.end('made')
    })
    expect(await answerOf(app)).toBe('made')
    expect(written).toEqual([201])
  })
})
