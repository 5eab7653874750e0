/** The parts of Node's file system that the file stores use; Node, Bun and Deno have them. */
export interface FileSystem {
  readonly fs: typeof import('node:fs/promises')
  readonly constants: typeof import('node:fs').constants
  readonly path: typeof import('node:path')
  /** Windows has no modes and cannot fsync a folder. */
  readonly windows: boolean
}

/**
 * Finds the file system at run time, so that bundles for runtimes without one still load.
 *
 * @throws {TypeError} when there is none.
 */
export function fileSystem(who: string): FileSystem {
  const runtime = globalThis.process
  const fs = runtime?.getBuiltinModule?.('node:fs/promises')
  const constants = runtime?.getBuiltinModule?.('node:fs')?.constants
  const path = runtime?.getBuiltinModule?.('node:path')
  if (!fs || !constants || !path) {
    throw new TypeError(
      `${who}: this runtime has no file system; use a store in a database, such as the ones of '@mosaajii/crypto/sql'`,
    )
  }
  return { fs, constants, path, windows: runtime.platform === 'win32' }
}

/** Whether an error carries one of these codes, as Node's and the database drivers' errors do. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined
  return typeof code === 'string' && codes.includes(code)
}

/**
 * Opens a file for reading, but not through a symbolic link, and without waiting for the writer of a named pipe for ever. What was opened
 * may still be no regular file: look at its `stat`.
 *
 * @param onLink makes the error for a symbolic link.
 */
export async function openToRead(
  { fs, constants }: FileSystem,
  path: string,
  onLink: (cause: unknown) => Error,
): Promise<import('node:fs/promises').FileHandle> {
  // Windows has neither flag; `|` takes that as 0.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  return fs.open(path, flags).catch((cause: unknown) => {
    throw hasCode(cause, 'ELOOP', 'EMLINK') ? onLink(cause) : cause
  })
}

/**
 * Whether a file or folder belongs to somebody else than the user that this process runs as: the owner can change it and its mode, also
 * where root may read it. `false` where there are no users, and where the runtime does not tell (Deno without `--allow-sys`).
 */
export function isForeign({ windows }: FileSystem, stat: { readonly uid: number }): boolean {
  const user = windows ? undefined : effectiveUser()
  return user !== undefined && stat.uid !== user
}

/** Asked each time: a process may give root's rights up after it made its stores. */
function effectiveUser(): number | undefined {
  try {
    return globalThis.process?.geteuid?.()
  } catch {
    return undefined
  }
}

/** Writes a file that must not exist yet, readable by its owner only, and waits until it is on the disk. */
export async function writeNewFile({ fs }: FileSystem, path: string, text: string): Promise<void> {
  const file = await fs.open(path, 'wx', 0o600)
  try {
    await file.writeFile(text, 'utf8')
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Waits until the names in a folder are on the disk: without it a crash may forget a link or a rename. */
export async function syncFolder({ fs, windows }: FileSystem, folder: string): Promise<void> {
  if (windows) return
  const handle = await fs.open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a folder and what is missing above it, for its owner only, so that it survives a crash. The path must be absolute. */
export async function makeFolder(files: FileSystem, folder: string): Promise<void> {
  const first = await files.fs.mkdir(folder, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  const parent = (path: string) => files.path.dirname(path)
  for (let made = folder; made.length >= first.length; made = parent(made)) await syncFolder(files, parent(made))
}

/** Removes a file if it is there; failing to is not worth failing for. */
export async function removeQuietly({ fs }: FileSystem, path: string): Promise<void> {
  await fs.rm(path, { force: true }).catch(() => undefined)
}
