import { isSecurityError } from '@mosaajii/core'
import {
  fileSystem,
  type FileSystem,
  hasCode,
  makeFolder,
  openToRead,
  removeQuietly,
  syncFolder,
  writeNewFile,
} from './durable-files.ts'
import { type CryptoError, cryptoError } from './errors.ts'

/** The longest cursor, in characters. */
export const maxCursorLength = 1024

/**
 * Remembers how far a re-encryption came, so that one that was interrupted goes on from there. A cursor that is lost or too old costs
 * time, nothing else.
 *
 * The contract suite is `cursorContract` in `@mosaajii/crypto/testing`.
 */
export interface CursorStore {
  /**
   * The cursor that was saved last, or `undefined` when there is none.
   *
   * @throws {CryptoError} `REENCRYPTION_STOPPED` when it cannot be read or is damaged.
   */
  load(): Promise<string | undefined>
  /**
   * Replaces the cursor. Atomic: after a crash `load` returns this one or the one before it, and this one if the promise resolved.
   *
   * @param cursor well-formed text of at most 1024 characters, without U+0000.
   * @throws {CryptoError} `REENCRYPTION_STOPPED` when it cannot be saved.
   */
  save(cursor: string): Promise<void>
  /** Forgets the cursor. Nothing happens when there is none. */
  clear(): Promise<void>
}

/**
 * A cursor in this process's memory: an interrupted re-encryption begins anew.
 *
 * @example
 * for await (const progress of reencrypt({ keyring, table, source, cursor: memoryCursor() })) report(progress)
 */
export function memoryCursor(): CursorStore {
  let saved: string | undefined
  return Object.freeze({
    load: async () => saved,
    async save(cursor: string): Promise<void> {
      saved = checkCursor(cursor)
    },
    async clear(): Promise<void> {
      saved = undefined
    },
  })
}

/**
 * A cursor in a file, replaced in one step. One re-encryption at a time may use it. What stands there and is not a cursor - another file,
 * a folder, a symbolic link - is neither replaced nor removed.
 *
 * @param path the file; its folder is created when it is missing.
 * @throws {TypeError} when the path is not a non-empty string, or where the runtime has no file system.
 * @example
 * for await (const progress of reencrypt({ keyring, table, source, cursor: fileCursor('customers.cursor') })) report(progress)
 */
export function fileCursor(path: string): CursorStore {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new TypeError("fileCursor: give the path of a file, such as 'customers.cursor'")
  }
  const files = fileSystem('fileCursor')
  const file = files.path.resolve(path)
  return Object.freeze({
    load: () => stoppedUnless(`'${file}' could not be read`, () => load(files, file)),
    async save(cursor: string): Promise<void> {
      checkCursor(cursor)
      await stoppedUnless(`'${file}' could not be saved`, () => save(files, file, cursor))
    },
    clear: () => stoppedUnless(`'${file}' could not be removed`, () => clear(files, file)),
  })
}

/** The file's form: the marker tells a cursor from any other file that the path might name by mistake. */
const marker = 'mosaajii-cursor-1'
/** Room for a cursor of which each character is escaped. */
const maxBytes = maxCursorLength * 6 + 100

async function load(files: FileSystem, file: string): Promise<string | undefined> {
  const handle = await openToRead(files, file, () =>
    stopped(`'${file}' is a symbolic link; name the file itself`),
  ).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })
  if (!handle) return undefined
  try {
    const stat = await handle.stat()
    const text = stat.isFile() && stat.size <= maxBytes ? await handle.readFile('utf8') : ''
    return decoded(text) ?? damaged(file)
  } finally {
    await handle.close()
  }
}

function decoded(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (!Array.isArray(value) || value.length !== 2 || value[0] !== marker) return undefined
    return checkCursor(value[1])
  } catch {
    return undefined
  }
}

function damaged(file: string): never {
  throw stopped(`'${file}' is damaged or not a cursor: if it is one, delete it, and re-encryption begins anew`)
}

async function save(files: FileSystem, file: string, cursor: string): Promise<void> {
  const folder = files.path.dirname(file)
  await makeFolder(files, folder)
  await refuseOther(files, file)
  const temporary = `${file}.${globalThis.crypto.randomUUID()}.tmp`
  try {
    await writeNewFile(files, temporary, JSON.stringify([marker, cursor]))
    await files.fs.rename(temporary, file)
  } catch (error) {
    await removeQuietly(files, temporary)
    throw error
  }
  await syncFolder(files, folder)
}

/** Throws unless the file is a cursor or missing: the path may name another file by mistake. */
async function refuseOther(files: FileSystem, file: string): Promise<void> {
  await load(files, file)
}

/** Removes the file and what killed processes left beside it. */
async function clear(files: FileSystem, file: string): Promise<void> {
  const { fs, path } = files
  const prefix = `${path.basename(file)}.`
  const folder = path.dirname(file)
  await refuseOther(files, file)
  await fs.rm(file, { force: true })
  const names = await fs.readdir(folder).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })
  if (!names) return
  for (const name of names) {
    const leftBehind = name.startsWith(prefix) && /^[0-9a-f-]{36}\.tmp$/.test(name.slice(prefix.length))
    if (leftBehind) await removeQuietly(files, path.join(folder, name))
  }
  await syncFolder(files, folder)
}

/**
 * Checks a cursor, so that every store refuses the same ones.
 *
 * @throws {TypeError} when it is not well-formed text or has U+0000, which Postgres cannot store.
 * @throws {RangeError} when it is too long.
 */
export function checkCursor(cursor: unknown): string {
  if (typeof cursor !== 'string') throw new TypeError('cursor: it must be a string')
  if (cursor.length > maxCursorLength) throw new RangeError(`cursor: it is longer than ${maxCursorLength} characters`)
  if (!cursor.isWellFormed() || cursor.includes('\0'))
    throw new TypeError('cursor: it must be well-formed text without U+0000')
  return cursor
}

/** A `REENCRYPTION_STOPPED` error. */
function stopped(message: string, cause?: unknown): CryptoError {
  return cryptoError('REENCRYPTION_STOPPED', message, cause === undefined ? { status: 503 } : { status: 503, cause })
}

/** Does something and turns whatever goes wrong into `REENCRYPTION_STOPPED`. */
async function stoppedUnless<T>(otherwise: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw isSecurityError(cause) ? cause : stopped(`${otherwise}; the cause has the system's error`, cause)
  }
}
