// Express sends files by `send`, which marks its 404 as not fit for clients. Real files, because its errors are what a file system says.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { problems } from '@mosaajii/core/express'
import express from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listen, type Running, send } from './support/http.ts'

const folder = mkdtempSync(join(tmpdir(), 'core-send-'))
const file = join(folder, 'receipt.txt')
writeFileSync(file, 'paid')
const missing = join(folder, 'none.txt')

let server: Running
beforeAll(async () => {
  const app = express()
  app.get('/there', (_req, res) => res.sendFile(file))
  app.get('/missing', (_req, res) => res.sendFile(missing))
  app.get('/missing-without-extension', (_req, res) => res.sendFile(join(folder, 'none')))
  app.get('/missing-below-root', (_req, res) => res.sendFile('none.txt', { root: folder }))
  app.get('/below-a-file', (_req, res) => res.sendFile(join(file, 'none.txt')))
  app.get('/long-name', (_req, res) => res.sendFile(join(folder, `${'a'.repeat(300)}.txt`)))
  app.get('/download', (_req, res) => res.download(missing))
  app.get('/dotfile', (_req, res) => res.sendFile('.env', { root: folder, dotfiles: 'deny' }))
  app.use('/static', express.static(folder, { fallthrough: false }))
  app.get('/read', async (_req, res) => res.send(await readFile(missing)))
  app.get('/stat', async (_req, res) => res.send(String((await stat(missing)).size)))
  app.get('/upstream', async () => {
    throw Object.assign(new Error('not there'), { status: 404, expose: false })
  })
  const statError = { code: 'ENOENT', syscall: 'stat', status: 404, expose: false }
  const odd = [{ expose: undefined }, { syscall: 'open' }, { code: 'EACCES' }, { status: undefined }, { status: 403 }]
  odd.forEach((change, at) => {
    app.get(`/odd/${at}`, () => {
      throw Object.assign(new Error('not there'), statError, change)
    })
  })
  app.use(problems())
  server = await listen(createServer(app))
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

describe('problems on Express', () => {
  it.each([
    '/missing',
    '/missing-without-extension',
    '/missing-below-root',
    '/below-a-file',
    '/long-name',
    '/download',
    '/static/none.txt',
  ])('leaves the 404 of a file that is not there: %s', async (path) => {
    const answer = await send(server.port, path)
    expect(JSON.parse(answer.body)).toEqual({ type: 'about:blank', title: 'Not Found', status: 404 })
    expect([answer.status, answer.headers['content-type']]).toEqual([404, 'application/problem+json'])
    expect(answer.headers).not.toHaveProperty('content-disposition')
  })

  it('leaves files and the other statuses of send', async () => {
    expect((await send(server.port, '/there')).body).toBe('paid')
    expect((await send(server.port, '/dotfile')).status).toBe(403)
    const range = await send(server.port, '/there', { headers: { range: 'bytes=9-' } })
    expect([range.status, range.headers['content-range']]).toEqual([416, 'bytes */4'])
  })

  it.each(['/read', '/stat', '/upstream', '/odd/0', '/odd/1', '/odd/2', '/odd/3', '/odd/4'])(
    'is a 500 for any other error of a handler: %s',
    async (path) => {
      expect((await send(server.port, path)).status).toBe(500)
    },
  )
})
