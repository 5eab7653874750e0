import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const form = /^[A-Za-z0-9_-]{43}$/

/**
 * The secret that wraps the keys: from the environment, or from a file that is made at the first start. A shop that matters keeps it in a
 * KMS or an HSM instead; next to the data it protects a stolen database file, not a stolen folder.
 *
 * @param folder where the file `secret` is, with mode 0600.
 * @param given 32 bytes as base64url, from the environment.
 * @returns 32 bytes.
 * @throws {Error} when it is malformed, readable by others, or lost while keys are there. The message never shows it.
 */
export async function localSecret(folder: string, given?: string): Promise<Uint8Array> {
  if (given !== undefined) return decode(given, 'MOSAAJII_SECRET')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'secret')
  const text = (await readSecret(path)) ?? (await makeSecret(folder, path))
  return decode(text.trim(), path)
}

async function readSecret(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path)
    // Windows has no such modes and reports 0o666.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new Error(`others can read ${path}: run chmod 600 on it`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

async function makeSecret(folder: string, path: string): Promise<string> {
  if ((await filesIn(join(folder, 'keys'))).length > 0) {
    throw new Error(`${path} is missing, and the keys need it: put it back, or delete ${folder} to begin anew`)
  }
  const temporary = `${path}.${randomUUID()}`
  await writeFile(temporary, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx', flush: true })
  // link() fails where the file exists: of two first starts one wins, and nobody sees half a secret.
  await link(temporary, path).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error
  })
  await unlink(temporary)
  return readFile(path, 'utf8')
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code
}

async function filesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}

function decode(text: string, where: string): Uint8Array {
  if (form.test(text)) return Buffer.from(text, 'base64url')
  throw new Error(`${where} must be 32 bytes as base64url: node -p "crypto.randomBytes(32).toString('base64url')"`)
}
