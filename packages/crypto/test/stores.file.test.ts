import { execFileSync } from 'node:child_process'
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { maxDocumentLength } from '../src/key-store.ts'
import { fileKeyStore } from '../src/stores/file.ts'
import { withFileHook } from './support/hooked-files.ts'

const marker = 'wrapped-key-material'
const numbered = (generation: number) => JSON.stringify({ generation, keys: marker.repeat(20) })
const nameOf = (generation: number, keyring = 'main') => `${keyring}.${String(generation).padStart(10, '0')}.json`

let parent = ''
let folder = ''
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'mosaajii-'))
  folder = join(parent, 'keys')
})
afterEach(() => rm(parent, { recursive: true }))

async function written(generations: number) {
  const store = fileKeyStore(folder)
  for (let after = 0; after < generations; after++)
    expect(await store.write('main', numbered(after + 1), after)).toBe(true)
  return store
}

async function failure(work: Promise<unknown>) {
  const error: unknown = await work.then(
    () => expect.unreachable('it did not fail'),
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ code: 'KEY_STORE_FAILED', status: 503 })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(marker.slice(0, 8))
  return error as Error
}

describe('the folder', () => {
  test('and its files are for their owner only, whatever the umask', async () => {
    const umask = process.umask(0)
    try {
      folder = join(parent, 'some', 'deep', 'keys')
      await written(2)
    } finally {
      process.umask(umask)
    }
    for (const made of [join(parent, 'some'), folder]) expect((await lstat(made)).mode & 0o777).toBe(0o700)
    for (const name of await readdir(folder)) expect((await lstat(join(folder, name))).mode & 0o777).toBe(0o600)
  })

  test('is created by a write, not by a read', async () => {
    expect(await fileKeyStore(folder).read('main')).toBeUndefined()
    expect(await readdir(parent)).toEqual([])
  })

  test.each(['770', '707', '1777'])('of mode %s is refused: others could put keys there', async (mode) => {
    const store = await written(1)
    await chmod(folder, Number.parseInt(mode, 8))
    expect((await failure(store.read('main'))).message).toContain('chmod 700')
    expect((await failure(store.write('main', numbered(2), 1))).message).toContain('chmod 700')
    await chmod(folder, 0o755)
    expect(await store.read('main')).toEqual({ generation: 1, document: numbered(1) })
  })

  test('of another user is refused: that user could put keys there', async () => {
    const store = await written(1)
    const stranger = vi.spyOn(process, 'geteuid').mockReturnValue((await lstat(folder)).uid + 1)
    try {
      for (const work of [() => store.read('main'), () => store.write('main', numbered(2), 1)]) {
        const { message } = await failure(work())
        expect(message).toContain('another user')
        expect(message).toContain(`'${folder}'`)
      }
    } finally {
      stranger.mockRestore()
    }
    expect(await store.read('main')).toEqual({ generation: 1, document: numbered(1) })
  })

  // Only root can give files away.
  test.skipIf(process.geteuid?.() !== 0)('and file of another user are refused to root as well', async () => {
    const store = await written(1)
    await chown(join(folder, nameOf(1)), 65534, 65534)
    expect((await failure(store.read('main'))).message).toMatch(/\.json' belongs to another user/)
    await chown(join(folder, nameOf(1)), 0, 0)
    await chown(folder, 65534, 65534)
    await chmod(folder, 0o755)
    expect((await failure(store.read('main'))).message).toMatch(/keys' belongs to another user/)
    expect((await failure(store.write('main', numbered(2), 1))).message).toMatch(/keys' belongs to another user/)
  })

  test.each([
    ['that has no user ids', () => vi.spyOn(process, 'geteuid').mockReturnValue(undefined as unknown as number)],
    [
      'that does not tell them',
      () =>
        vi.spyOn(process, 'geteuid').mockImplementation(() => {
          throw new Error('needs --allow-sys')
        }),
    ],
  ])('is used by a runtime %s', async (_, quiet) => {
    const store = await written(1)
    const spy = quiet()
    try {
      expect(await store.read('main')).toEqual({ generation: 1, document: numbered(1) })
    } finally {
      spy.mockRestore()
    }
  })

  test('that is a file fails with the cause', async () => {
    await writeFile(folder, '')
    expect((await failure(fileKeyStore(folder).read('main'))).cause).toMatchObject({ code: 'ENOTDIR' })
    expect((await failure(fileKeyStore(folder).write('main', '{}', 0))).cause).toMatchObject({ code: 'EEXIST' })
  })

  test('stays the same when the process changes its folder', async () => {
    const before = process.cwd()
    process.chdir(parent)
    try {
      const store = fileKeyStore('keys')
      process.chdir(tmpdir())
      await store.write('main', '{}', 0)
    } finally {
      process.chdir(before)
    }
    expect(await readdir(parent)).toEqual(['keys'])
  })

  test('must be a path, and the runtime must have files', () => {
    for (const path of ['', 'a\0b', undefined, 7]) expect(() => fileKeyStore(path as string)).toThrow(TypeError)
    const spy = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    expect(() => fileKeyStore(folder)).toThrow(/no file system/)
    spy.mockRestore()
  })
})

describe('a damaged keyring is refused, and the error says what to do and shows nothing of it', () => {
  const newest = () => join(folder, nameOf(3))
  const damages: Record<string, { damage: () => Promise<unknown> | void; says: string }> = {
    'readable by the group': { damage: () => chmod(newest(), 0o640), says: 'chmod 600' },
    'readable by others': { damage: () => chmod(newest(), 0o604), says: 'chmod 600' },
    'writable by others': { damage: () => chmod(newest(), 0o602), says: 'chmod 600' },
    'of mode 0644': { damage: () => chmod(newest(), 0o644), says: 'chmod 600' },
    empty: { damage: () => truncate(newest(), 0), says: 'empty' },
    'not UTF-8': {
      damage: () => writeFile(newest(), Buffer.concat([Buffer.from(`"${marker}`), Buffer.of(0xff, 0x22)])),
      says: 'damaged',
    },
    'not JSON': { damage: () => writeFile(newest(), `{"${marker}"`), says: 'damaged' },
    'with a byte order mark': { damage: () => writeFile(newest(), `\ufeff${numbered(3)}`), says: 'damaged' },
    'larger than any keyring': { damage: () => truncate(newest(), 3 * maxDocumentLength + 1), says: 'larger' },
    'longer than any keyring': {
      damage: () => writeFile(newest(), `"${'a'.repeat(maxDocumentLength)}"`),
      says: 'damaged',
    },
    'a symbolic link': {
      damage: async () => {
        await rename(newest(), join(parent, 'elsewhere'))
        await symlink(join(parent, 'elsewhere'), newest())
      },
      says: 'symbolic link',
    },
    'a folder': {
      damage: async () => {
        await rm(newest())
        await mkdir(newest(), { mode: 0o700 })
      },
      says: 'not a regular file',
    },
    'a named pipe': {
      damage: async () => {
        await rm(newest())
        execFileSync('mkfifo', ['-m', '600', newest()])
      },
      says: 'not a regular file',
    },
  }

  test('of another user', async () => {
    await written(3)
    const { uid, mode, size } = await lstat(newest())
    const store = withFileHook(
      (name) => (name === 'file.stat' ? { instead: { uid: uid + 1, mode, size, isFile: () => true } } : undefined),
      () => fileKeyStore(folder),
    )
    const { message } = await failure(store.read('main'))
    expect(message).toContain('another user')
    expect(message).toContain(nameOf(3))
  })

  test.each(Object.entries(damages))('%s', async (_, { damage, says }) => {
    const store = await written(3)
    await damage()
    const error = await failure(store.read('main'))
    expect(error.message).toContain(says)
    expect(error.message).toContain(nameOf(3))
  })

  test('truncated anywhere', async () => {
    const store = await written(3)
    const whole = await readFile(newest())
    for (let length = 0; length < whole.length; length += 7) {
      await writeFile(newest(), whole.subarray(0, length))
      await failure(store.read('main'))
    }
    await writeFile(newest(), whole)
    expect((await store.read('main'))?.generation).toBe(3)
  })
})

describe('superseded generations', () => {
  test('keep their number and lose the wrapped keys', async () => {
    await written(5)
    expect((await readdir(folder)).sort()).toEqual([1, 2, 3, 4, 5].map((generation) => nameOf(generation)))
    const contents = await Promise.all(
      [1, 2, 3, 4].map((generation) => readFile(join(folder, nameOf(generation)), 'utf8')),
    )
    expect(contents).toEqual(['', '', '', ''])
  })

  test('that a killed writer did not blank are blanked by the next', async () => {
    const store = await written(3)
    for (const generation of [1, 2]) await writeFile(join(folder, nameOf(generation)), marker)
    expect(await store.write('main', numbered(4), 3)).toBe(true)
    for (const generation of [1, 2, 3]) expect(await readFile(join(folder, nameOf(generation)), 'utf8')).toBe('')
  })

  test('let no writer win who comes late: 5 while 9 is the newest', async () => {
    const store = await written(9)
    expect(await store.write('main', '{"by":"late"}', 5)).toBe(false)
    expect(await store.read('main')).toEqual({ generation: 9, document: numbered(9) })
  })

  test.each(['open', 'link'])('let no writer win who fell asleep before %s', async (operation) => {
    const others = await written(5)
    let overtaken = false
    const sleepy = withFileHook(
      async (name, [path]) => {
        if (overtaken || name !== operation || !String(path).endsWith('.tmp')) return
        overtaken = true
        for (let after = 5; after < 9; after++) await others.write('main', numbered(after + 1), after)
      },
      () => fileKeyStore(folder),
    )
    expect(await sleepy.write('main', '{"by":"late"}', 5)).toBe(false)
    expect(overtaken).toBe(true)
    expect(await others.read('main')).toEqual({ generation: 9, document: numbered(9) })
    expect((await readdir(folder)).length).toBe(9)
  })

  test('are read again when they are blanked between listing and opening', async () => {
    const others = await written(2)
    let newest = 2
    const slow = withFileHook(
      async (name, [path]) => {
        if (name === 'open' && newest < 5 && String(path).endsWith('.json')) {
          await others.write('main', numbered(newest + 1), newest)
          newest++
        }
      },
      () => fileKeyStore(folder),
    )
    expect(await slow.read('main')).toEqual({ generation: 5, document: numbered(5) })
  })

  test.each([[[]], [[nameOf(1)]], [[nameOf(1), nameOf(3)]]])(
    'are passed over where a changing folder lists only %j',
    async (listed) => {
      await written(4)
      const blind = withFileHook(
        (name) => (name === 'readdir' ? { instead: listed } : undefined),
        () => fileKeyStore(folder),
      )
      expect(await blind.read('main')).toEqual({ generation: 4, document: numbered(4) })
      expect(await blind.write('main', numbered(9), listed.length)).toBe(false)
    },
  )
})

describe('temporary files', () => {
  const temporary = (generation: number, keyring = 'main') =>
    `.${keyring}.${String(generation).padStart(10, '0')}.${globalThis.crypto.randomUUID()}.tmp`

  test('of killed writers are removed by the next winner, and nothing else is', async () => {
    const store = await written(2)
    const left = [temporary(1), temporary(2), temporary(3)]
    const kept = [temporary(4), temporary(3, 'main2'), temporary(3, 'mai'), '.main.notes', 'README', nameOf(1, 'main2')]
    for (const name of [...left, ...kept]) await writeFile(join(folder, name), numbered(9), { mode: 0o600 })
    expect(await store.write('main', numbered(3), 2)).toBe(true)
    const names = await readdir(folder)
    expect(names.sort()).toEqual([...kept, ...[1, 2, 3].map((generation) => nameOf(generation))].sort())
  })

  test('are removed by a writer who loses or fails', async () => {
    const store = await written(1)
    const full = withFileHook(
      (name) => {
        if (name === 'file.writeFile') throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      },
      () => fileKeyStore(folder),
    )
    expect((await failure(full.write('main', numbered(2), 1))).cause).toMatchObject({ code: 'ENOSPC' })
    expect(await store.write('main', numbered(2), 0)).toBe(false)
    expect(await readdir(folder)).toEqual([nameOf(1)])
    expect(await store.write('main', numbered(2), 1)).toBe(true)
  })
})

test.each(['EPERM', 'ENOTSUP'])('a file system without hard links (%s) is named as the cause', async (code) => {
  const store = withFileHook(
    (name) => {
      if (name === 'link') throw Object.assign(new Error('operation not permitted'), { code })
    },
    () => fileKeyStore(folder),
  )
  expect((await failure(store.write('main', '{}', 0))).message).toContain('hard links')
  expect(await readdir(folder)).toEqual([])
})

test('a write is synced before it is linked, and the folder before it is won', async () => {
  await written(1)
  const order: string[] = []
  const store = withFileHook(
    (name, [path]) => {
      if (name === 'open') order.push(path === folder ? 'open folder' : 'open file')
      if (['file.writeFile', 'file.sync', 'link', 'rename'].includes(name)) order.push(name)
    },
    () => fileKeyStore(folder),
  )
  expect(await store.write('main', numbered(2), 1)).toBe(true)
  const won = ['open file', 'file.writeFile', 'file.sync', 'link', 'open folder', 'file.sync']
  const blanked = ['open file', 'file.writeFile', 'file.sync', 'rename', 'open folder', 'file.sync']
  expect(order).toEqual([...won, ...blanked])
})

describe('a writer that dies before any of its operations', () => {
  /** From operation `last` on nothing works any more, cleaning up included, as after a kill; a write that is under way stops half-way. */
  function dyingStore(last: number) {
    let count = 0
    return withFileHook(
      async (name, args) => {
        if (count++ < last) return
        if (name === 'file.writeFile' && count === last + 1) await writeHalf(String(args[0]))
        throw new Error('killed')
      },
      () => fileKeyStore(folder),
    )
  }

  async function writeHalf(text: string) {
    const name = (await readdir(folder)).find((name) => name.endsWith('.tmp')) ?? ''
    await writeFile(join(folder, name), text.slice(0, text.length / 2))
  }

  test('leaves the old document or the new one, no lock, and nothing that the next writer does not clean up', async () => {
    const ends = new Set<number>()
    for (let last = 0, survived = false; !survived; last++) {
      await rm(folder, { recursive: true, force: true })
      const store = await written(2)
      survived = await dyingStore(last)
        .write('main', numbered(3), 2)
        .catch(() => false)
      const found = await store.read('main')
      const generation = found?.generation ?? 0
      expect([2, 3]).toContain(generation)
      expect(found?.document).toBe(numbered(generation))
      expect(await store.write('main', numbered(generation + 1), generation)).toBe(true)
      expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([])
      for (let old = 1; old <= generation; old++) expect((await lstat(join(folder, nameOf(old)))).size).toBe(0)
      ends.add(generation)
    }
    expect(ends).toEqual(new Set([2, 3]))
  })
})
