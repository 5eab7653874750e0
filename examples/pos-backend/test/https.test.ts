import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loopbackCertificate } from '../../../test/certificate.ts'
import { startServer } from '../src/server.ts'
import { readSettings } from '../src/settings.ts'
import { clientOf, rawExchange } from './support/client.ts'
import { onEachFramework } from './support/test-shop.ts'

const hasOpenssl = process.env['REQUIRE_SERVICES'] === '1' || spawnSync('openssl', ['version']).status === 0

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pos-https-'))
  onTestFinished(() => rm(path, { recursive: true, force: true, maxRetries: 3 }))
  return path
}

const portOf = (origin: string | undefined): number => Number(/^https?:\/\/localhost:(\d+)$/.exec(origin ?? '')?.[1])

describe.skipIf(!hasOpenssl)('over https', () => {
  onEachFramework((openTestShop, framework) => {
    test('the cookie of the page is bound to this host by its name', async () => {
      const tls = loopbackCertificate(await folder())
      const shop = await openTestShop({ tls: { cert: tls.cert, key: tls.key } })
      const page = await shop.send({ path: '/' })
      expect(page.status).toBe(200)
      expect(page.headers['strict-transport-security']).toMatch(/^max-age=\d{8}/)
      const [set = ''] = page.headers['set-cookie'] ?? []
      expect(set).toMatch(/^__Host-shop=[A-Za-z0-9_-]{32}; Path=\/; HttpOnly; SameSite=Strict; Secure$/)
      const [, token = ''] = /name="token" value="([^"]+)"/.exec(page.text) ?? []
      const [cookie = ''] = set.split(';')
      const rotate = (sent: string) =>
        shop.send({
          method: 'POST',
          path: '/admin/rotate',
          headers: { 'content-type': 'application/x-www-form-urlencoded', cookie: sent },
          body: `token=${token}`,
        })
      // What a page that was reached over plain http could have set.
      expect((await rotate(cookie.replace('__Host-', ''))).status).toBe(403)
      expect((await rotate(cookie)).status).toBe(303)
    })

    test('plain http is led over to it, and never to another host', async () => {
      const data = await folder()
      const { certFile, keyFile, cert } = loopbackCertificate(data)
      const server = await startServer(
        readSettings({
          PORT: '0',
          POS_DATA: join(data, 'shop'),
          POS_TLS_CERT: certFile,
          POS_TLS_KEY: keyFile,
          POS_HTTP_PORT: '0',
          POS_FRAMEWORK: framework,
        }),
      )
      onTestFinished(() => server.close())
      const [port, plain] = [portOf(server.origin), portOf(server.plainOrigin)]
      const send = clientOf(plain)
      for (const host of ['localhost', '127.0.0.1', '[::1]']) {
        const answer = await send({ path: '/customers?limit=2', headers: { host: `${host}:${plain}` } })
        expect([answer.status, answer.headers.location]).toEqual([301, `https://${host}:${port}/customers?limit=2`])
        expect(answer.headers['content-security-policy']).toContain(`default-src 'none'`)
      }
      const followed = await clientOf(port, cert)({ path: '/customers?limit=2' })
      expect([followed.status, followed.text]).toEqual([200, '{"items":[],"next":null}\n'])
      for (const host of ['evil.example', `localhost.evil.example:${plain}`, 'localhost@evil.example', 'a/b']) {
        const answer = await send({ path: '/', headers: { host } })
        expect([answer.status, answer.headers.location]).toEqual([400, undefined])
      }
      const absolute = await rawExchange(
        plain,
        'GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      )
      expect(absolute).toMatch(/^HTTP\/1\.1 400 /)
      const doubled = await send({ path: '//evil.example/' })
      expect(doubled.headers.location).toBe(`https://localhost:${port}//evil.example/`)
      const post = await send({ method: 'POST', path: '/payments', body: '{}' })
      expect([post.status, post.headers.location]).toEqual([403, undefined])
    })
  })

  test('files that do not belong together are refused with their names', async () => {
    const data = await folder()
    const { certFile } = loopbackCertificate(data)
    const other = join(data, 'other.pem')
    await writeFile(other, 'nonsense')
    const settings = readSettings({
      PORT: '0',
      POS_DATA: join(data, 'shop'),
      POS_TLS_CERT: certFile,
      POS_TLS_KEY: other,
    })
    await expect(startServer(settings)).rejects.toThrow('POS_TLS_CERT and POS_TLS_KEY must be PEM files')
  })
})
