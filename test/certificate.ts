import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate for loopback that signed itself. */
export interface Certificate {
  /** The files, in PEM. */
  readonly certFile: string
  readonly keyFile: string
  /** What `https.createServer()` takes. */
  readonly cert: string
  readonly key: string
  /** SHA-256 of its public key as base64, as Chromium's `--ignore-certificate-errors-spki-list` wants it. */
  readonly spki: string
}

/**
 * Makes a certificate for `localhost` and `127.0.0.1` that is valid for two days, with `openssl`.
 *
 * @param folder where `cert.pem` and `key.pem` are written; the caller removes it.
 * @throws {Error} when `openssl` is missing or fails.
 * @example
 * const { cert, key } = loopbackCertificate(folder)
 * createServer({ cert, key }, app).listen(0, '127.0.0.1')
 */
export function loopbackCertificate(folder: string): Certificate {
  const certFile = join(folder, 'cert.pem')
  const keyFile = join(folder, 'key.pem')
  openssl([...request, '-keyout', keyFile, '-out', certFile])
  const cert = readFileSync(certFile, 'utf8')
  const publicKey = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return {
    certFile,
    keyFile,
    cert,
    key: readFileSync(keyFile, 'utf8'),
    spki: createHash('sha256').update(publicKey).digest('base64'),
  }
}

function openssl(args: readonly string[]): void {
  try {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error('openssl is missing: apt-get install openssl', { cause: error })
  }
}

const request = [
  ['req', '-x509', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
  ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
].flat()
