import { isSecurityError } from '@mosaajii/core'
import {
  fileSystem,
  type FileSystem,
  hasCode,
  isForeign,
  makeFolder,
  openToRead,
  removeQuietly,
  syncFolder,
  writeNewFile,
} from '../durable-files.ts'
import { type KeyStore, maxDocumentLength, type StoredKeyring } from '../key-store.ts'
import { checkKeyringId, checkWrite, isStorable, maxGeneration, storeFailed } from './store-input.ts'

/** A UTF-16 unit is at most three bytes of UTF-8. */
const maxBytes = maxDocumentLength * 3
/** How often a read starts again because writers blanked what it was about to read; each time one of them moved on. */
const maxAttempts = 100
const noHardLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

interface Place {
  readonly files: FileSystem
  readonly folder: string
}

/**
 * A key store in a folder: one file a generation, readable by its owner only. Any number of processes on one machine may share it. The
 * folder must be on a local file system that has hard links.
 *
 * A write is compare-and-swap without a lock, so a kill at any moment leaves nothing to clean up: the document is written aside, synced,
 * and then linked to the next generation's name, which succeeds for one writer only. A superseded generation becomes an empty file: the
 * wrapped keys are gone, and its number stays taken, so that a writer who is far behind cannot win.
 *
 * @param folder is created with mode 0700 at the first write; an existing one must belong to the user that the process runs as and must
 * not be writable by group or others.
 * @returns a store; its `read` and `write` reject with `KEY_STORE_FAILED` and say what to do.
 * @throws {TypeError} when the folder is not a non-empty string, or where the runtime has no file system.
 * @example
 * const keyring = await openKeyring({ provider, store: fileKeyStore('keys'), events })
 */
export function fileKeyStore(folder: string): KeyStore {
  if (typeof folder !== 'string' || folder === '' || folder.includes('\0')) {
    throw new TypeError("fileKeyStore: give the path of a folder, such as 'keys'")
  }
  const files = fileSystem('fileKeyStore')
  // Absolute from here on: a later chdir must not move the keys.
  const place: Place = { files, folder: files.path.resolve(folder) }
  return Object.freeze({
    async read(keyring: string): Promise<StoredKeyring | undefined> {
      checkKeyringId(keyring)
      return explained('read', place, () => read(place, keyring))
    },
    async write(keyring: string, document: string, after: number): Promise<boolean> {
      checkWrite(keyring, document, after)
      return explained('written', place, () => write(place, keyring, document, after))
    },
  })
}

async function explained<T>(what: string, { folder }: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (isSecurityError(cause)) throw cause
    throw storeFailed(`the keyring in '${folder}' could not be ${what}; the cause has the system's error`, cause)
  }
}

async function read(place: Place, keyring: string): Promise<StoredKeyring | undefined> {
  if (!(await checkFolder(place))) return undefined
  let blank = 0
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const generation = await newestGeneration(place, keyring)
    if (generation === 0) return undefined
    // Writers blank only what a newer generation supersedes.
    if (generation === blank) throw storeFailed(`'${pathOf(place, keyring, generation)}' is empty; ${restore}`)
    const document = await readGeneration(place, pathOf(place, keyring, generation))
    if (document !== undefined) return { generation, document }
    blank = generation
  }
  throw storeFailed(`keyring '${keyring}' changed ${maxAttempts} times while it was read; try again`)
}

async function write(place: Place, keyring: string, document: string, after: number): Promise<boolean> {
  const { files, folder } = place
  await makeFolder(files, folder)
  await checkFolder(place)
  if ((await newestGeneration(place, keyring)) !== after) return false
  const temporary = temporaryPath(place, keyring, after + 1)
  try {
    await writeNewFile(files, temporary, document)
    if (!(await link(place, temporary, keyring, after + 1))) return false
    await syncFolder(files, folder)
  } finally {
    await removeQuietly(files, temporary)
  }
  await forgetOlder(place, keyring, after + 1)
  return true
}

/** Links the temporary file to a generation's name: the swap. `false`: another writer was first. */
async function link(place: Place, temporary: string, keyring: string, generation: number): Promise<boolean> {
  try {
    await place.files.fs.link(temporary, pathOf(place, keyring, generation))
    return true
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) return false
    // A writer who won this generation removes the temporary files of those who can no longer win it.
    if (hasCode(cause, 'ENOENT') && (await newestGeneration(place, keyring)) >= generation) return false
    if (!hasCode(cause, ...noHardLinks)) throw cause
    throw storeFailed(
      `'${place.folder}' is on a file system without hard links; keep the keyring on a local one that has them`,
      cause,
    )
  }
}

/**
 * The newest generation, 0 for none. Listing a folder while others change it may miss a name, so the list is only a first guess: names
 * are taken one after the other and never freed, and probing for the next one finds the newest for certain.
 */
async function newestGeneration(place: Place, keyring: string): Promise<number> {
  const listed = (await generations(place, keyring)).reduce((newest, generation) => Math.max(newest, generation), 0)
  let newest = listed
  while (newest < maxGeneration && (await sizeOf(place, pathOf(place, keyring, newest + 1))) !== undefined) newest++
  return newest
}

async function generations(place: Place, keyring: string): Promise<number[]> {
  const names = await place.files.fs.readdir(place.folder)
  const form = /^\d{10}\.json$/
  return names
    .filter((name) => name.startsWith(`${keyring}.`) && form.test(name.slice(keyring.length + 1)))
    .map((name) => Number(name.slice(keyring.length + 1, -'.json'.length)))
}

async function sizeOf({ files }: Place, path: string): Promise<number | undefined> {
  try {
    return (await files.fs.lstat(path)).size
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Reads one generation. `undefined`: it is blank, so a newer one exists. */
async function readGeneration({ files }: Place, path: string): Promise<string | undefined> {
  const onLink = () => storeFailed(`'${path}' is a symbolic link; put the file itself there`)
  const file = await openToRead(files, path, onLink)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw storeFailed(`'${path}' is not a regular file; ${restore}`)
    if (isForeign(files, stat)) throw storeFailed(`'${path}' belongs to another user; ${restore}, or chown it`)
    if (!files.windows && (stat.mode & 0o077) !== 0) {
      throw storeFailed(
        `'${path}' is open to group or others: chmod 600 it, and rotate the keys if others could read it`,
      )
    }
    if (stat.size === 0) return undefined
    if (stat.size > maxBytes) throw storeFailed(`'${path}' is larger than a keyring can be; ${restore}`)
    return decoded(await file.readFile(), path)
  } finally {
    await file.close()
  }
}

function decoded(bytes: Uint8Array, path: string): string {
  let document: string | undefined
  try {
    document = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    // Not UTF-8: the same damage as text that is not JSON.
  }
  if (document !== undefined && document.length <= maxDocumentLength && isStorable(document)) return document
  throw storeFailed(`'${path}' is truncated or damaged; ${restore}`)
}

const restore = 'restore the folder from a backup'

/** Whether the folder exists. Whoever may write into it could put other generations there, so only this process's user may. */
async function checkFolder({ files, folder }: Place): Promise<boolean> {
  const stat = await files.fs.stat(folder).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })
  if (!stat) return false
  if (!files.windows && (stat.mode & 0o022) !== 0) {
    throw storeFailed(`'${folder}' is writable by group or others: chmod 700 it`)
  }
  if (isForeign(files, stat)) {
    throw storeFailed(`'${folder}' belongs to another user than this process runs as: run it as that user, or chown it`)
  }
  return true
}

/**
 * Blanks what a won generation supersedes, so that a destroyed key's wrapped form does not stay behind, and removes what killed writers
 * left: a temporary file for this generation or an older one can no longer win.
 */
async function forgetOlder(place: Place, keyring: string, won: number): Promise<void> {
  for (const generation of await generations(place, keyring)) {
    const path = pathOf(place, keyring, generation)
    if (generation < won && (await sizeOf(place, path)) !== 0) await blank(place, path, keyring, won)
  }
  for (const name of await place.files.fs.readdir(place.folder)) {
    if (temporaryTarget(keyring, name) <= won)
      await removeQuietly(place.files, place.files.path.join(place.folder, name))
  }
  await syncFolder(place.files, place.folder)
}

/** Replaces a file by an empty one in one step, so that a reader finds the whole document or none. */
async function blank(place: Place, path: string, keyring: string, won: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const temporary = temporaryPath(place, keyring, won)
    try {
      await writeNewFile(place.files, temporary, '')
      return await place.files.fs.rename(temporary, path)
    } catch (error) {
      await removeQuietly(place.files, temporary)
      // A later winner may have cleared the temporary file away.
      if (!hasCode(error, 'ENOENT') || attempt === maxAttempts) throw error
    }
  }
}

function pathOf({ files, folder }: Place, keyring: string, generation: number): string {
  return files.path.join(folder, `${keyring}.${digits(generation)}.json`)
}

function temporaryPath({ files, folder }: Place, keyring: string, generation: number): string {
  return files.path.join(folder, `.${keyring}.${digits(generation)}.${globalThis.crypto.randomUUID()}.tmp`)
}

/** The generation that a temporary file is for; `Infinity` for any other name. */
function temporaryTarget(keyring: string, name: string): number {
  const match = name.startsWith(`.${keyring}.`)
    ? /^(\d{10})\.[0-9a-f-]{36}\.tmp$/.exec(name.slice(keyring.length + 2))
    : null
  return match ? Number(match[1]) : Number.POSITIVE_INFINITY
}

function digits(generation: number): string {
  return String(generation).padStart(10, '0')
}
