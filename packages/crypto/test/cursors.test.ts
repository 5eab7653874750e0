import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type CursorStore, fileCursor, memoryCursor } from '../src/cursors.ts'
import { sqlCursor } from '../src/sql-cursor.ts'
import { cursorContract } from '../src/testing.ts'
import { testContract } from './support/contract.ts'
import { databases, type TestDatabase } from './support/databases.ts'
import { withFileHook } from './support/hooked-files.ts'

describe('memoryCursor', () => {
  testContract(cursorContract({ make: memoryCursor }))
})

describe('fileCursor', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mosaajii-'))
  })
  afterEach(() => rm(folder, { recursive: true }))
  const path = () => join(folder, 'cursor')

  const reopen = () => fileCursor(join(folder, 'new', 'cursor'))
  testContract(cursorContract({ make: reopen, reopen }))

  test('is for its owner only and leaves nothing beside it', async () => {
    await fileCursor(path()).save('a')
    await fileCursor(path()).save('b')
    expect(await readdir(folder)).toEqual(['cursor'])
    expect((await lstat(path())).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['truncated', () => truncate(path(), 12)],
    ['empty', () => truncate(path(), 0)],
    ['another file', () => writeFile(path(), '{"notes":"of someone else"}')],
    ['other JSON', () => writeFile(path(), '["mosaajii-cursor-2","a"]')],
    ['JSON of another type', () => writeFile(path(), '["mosaajii-cursor-1",7]')],
    ['too long', () => writeFile(path(), JSON.stringify(['mosaajii-cursor-1', 'a'.repeat(1025)]))],
    ['huge', () => truncate(path(), 1e9)],
  ])('that is %s says what to delete, and goes on after that', async (_, damage) => {
    const cursor = fileCursor(path())
    await cursor.save('customer 4711')
    await damage()
    await expect(cursor.load()).rejects.toMatchObject({
      code: 'REENCRYPTION_STOPPED',
      message: expect.stringMatching(/cursor' .* delete it/) as string,
    })
    await rm(path())
    expect(await cursor.load()).toBeUndefined()
  })

  test('that cannot be read, saved or removed fails with the cause', async () => {
    await writeFile(path(), '')
    const cursor = fileCursor(join(path(), 'below'))
    const failed = { code: 'REENCRYPTION_STOPPED', cause: { code: 'ENOTDIR' } }
    await expect(cursor.load()).rejects.toMatchObject(failed)
    await expect(cursor.clear()).rejects.toMatchObject(failed)
    await expect(cursor.save('a')).rejects.toMatchObject({ ...failed, cause: { code: 'EEXIST' } })
  })

  /** From operation `last` on nothing works any more, as after a kill; a write that is under way stops half-way. */
  function dyingCursor(last: number) {
    let count = 0
    return withFileHook(
      async (name) => {
        if (count++ < last) return
        if (name === 'file.writeFile') {
          const temporary = (await readdir(folder)).find((file) => file.endsWith('.tmp')) ?? ''
          await writeFile(join(folder, temporary), '["mosaajii-cur')
        }
        throw new Error('killed')
      },
      () => fileCursor(path()),
    )
  }

  test('keeps the last cursor or the next when the process dies while saving, and clears what is left', async () => {
    const seen = new Set<string | undefined>()
    for (let last = 0, saved = false; !saved; last++) {
      await fileCursor(path()).save('old')
      saved = await dyingCursor(last)
        .save('new')
        .then(
          () => true,
          () => false,
        )
      seen.add(await fileCursor(path()).load())
    }
    expect(seen).toEqual(new Set(['old', 'new']))
    const others = ['cursor.tmp', 'cursor2', `cursor2.${randomUUID()}.tmp`]
    for (const name of others) await writeFile(join(folder, name), '')
    await fileCursor(path()).clear()
    expect((await readdir(folder)).sort()).toEqual(others.sort())
  })

  const others: Record<string, { make: () => unknown; says: RegExp; intact: () => unknown }> = {
    'a file of someone else': {
      make: () => writeFile(path(), 'precious'),
      says: /not a cursor/,
      intact: async () => expect(await readFile(path(), 'utf8')).toBe('precious'),
    },
    'a cursor of a later version': {
      make: () => writeFile(path(), '["mosaajii-cursor-2","a"]'),
      says: /not a cursor/,
      intact: async () => expect(await readFile(path(), 'utf8')).toBe('["mosaajii-cursor-2","a"]'),
    },
    'an empty file': {
      make: () => writeFile(path(), ''),
      says: /not a cursor/,
      intact: async () => expect((await lstat(path())).size).toBe(0),
    },
    'a folder': {
      make: () => mkdir(path()),
      says: /not a cursor/,
      intact: async () => expect((await lstat(path())).isDirectory()).toBe(true),
    },
    'a named pipe': {
      make: () => execFileSync('mkfifo', [path()]),
      says: /not a cursor/,
      intact: async () => expect((await lstat(path())).isFIFO()).toBe(true),
    },
    'a symbolic link to a file': {
      make: async () => {
        await writeFile(join(folder, 'precious'), 'data')
        await symlink(join(folder, 'precious'), path())
      },
      says: /symbolic link/,
      intact: async () => expect(await readFile(path(), 'utf8')).toBe('data'),
    },
    'a symbolic link to a cursor': {
      make: async () => {
        await fileCursor(join(folder, 'precious')).save('7')
        await symlink(join(folder, 'precious'), path())
      },
      says: /symbolic link/,
      intact: async () => expect(await fileCursor(join(folder, 'precious')).load()).toBe('7'),
    },
    'a symbolic link to nothing': {
      make: () => symlink(join(folder, 'missing'), path()),
      says: /symbolic link/,
      intact: async () => expect((await lstat(path())).isSymbolicLink()).toBe(true),
    },
  }
  test.each(Object.entries(others))('neither reads, replaces nor removes %s', async (_, { make, says, intact }) => {
    await make()
    const before = await readdir(folder)
    const cursor = fileCursor(path())
    for (const use of [() => cursor.load(), () => cursor.save('a'), () => cursor.clear()]) {
      await expect(use()).rejects.toMatchObject({
        code: 'REENCRYPTION_STOPPED',
        message: expect.stringMatching(says) as string,
      })
      await intact()
    }
    expect(await readdir(folder)).toEqual(before)
  })

  test('must be a path, and the runtime must have files', () => {
    for (const wrong of ['', 'a\0', undefined, 7]) expect(() => fileCursor(wrong as string)).toThrow(TypeError)
    const spy = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    expect(() => fileCursor('cursor')).toThrow(/no file system/)
    spy.mockRestore()
  })
})

describe.each(databases)('sqlCursor on %s', (_, openDatabase) => {
  let database: TestDatabase
  let db: Kysely<unknown>
  beforeAll(async () => {
    database = await openDatabase()
    db = database.open()
    await Promise.all(Array.from({ length: 8 }, () => sqlCursor({ db: database.open(), name: 'a' }).migrate()))
  })
  afterAll(() => database.close())

  let last = ''
  const make = () => {
    last = randomUUID()
    return sqlCursor({ db, name: last })
  }
  const reopen = () => sqlCursor({ db: database.open(), name: last })
  testContract(cursorContract({ make, reopen }))

  test('keeps names and tables apart', async () => {
    const [a, b] = [sqlCursor({ db, name: 'customers\' "; -- ä' }), sqlCursor({ db, name: 'receipts' })]
    const c = sqlCursor({ db, name: 'receipts', table: 'other_cursors' })
    await c.migrate()
    await a.save('1')
    await b.save('2')
    expect([await a.load(), await b.load(), await c.load()]).toEqual(['1', '2', undefined])
    await b.clear()
    expect([await a.load(), await b.load()]).toEqual(['1', undefined])
  })

  test('saves from two processes at once', async () => {
    const [a, b] = [sqlCursor({ db, name: 'both' }), sqlCursor({ db: database.open(), name: 'both' })]
    await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? a : b).save(String(i))))
    expect(Number(await a.load())).toBeGreaterThanOrEqual(0)
  })

  test('says that migrate() is missing, and what to do about a damaged row', async () => {
    const missing = sqlCursor({ db, name: 'a', table: 'missing' })
    for (const use of [() => missing.load(), () => missing.save('a'), () => missing.clear()]) {
      await expect(use()).rejects.toMatchObject({
        code: 'REENCRYPTION_STOPPED',
        message: expect.stringContaining('migrate()') as string,
      })
    }
    await sql`insert into mosaajii_cursors values ('damaged', ${'a'.repeat(1025)})`.execute(db)
    await expect(sqlCursor({ db, name: 'damaged' }).load()).rejects.toMatchObject({
      code: 'REENCRYPTION_STOPPED',
      message: expect.stringContaining('delete its row') as string,
    })
  })

  test('refuses wrong options', async () => {
    const given = db
    const wrong = [{ name: '' }, { name: 'a'.repeat(201) }, { name: 'a\0' }, { name: '\ud800' }, { name: 7 }, {}]
    for (const options of [...wrong, { name: 'a', table: 'a b' }, { name: 'a', tabel: 'b' }, { name: 'a', db: {} }]) {
      expect(() => sqlCursor({ db: given, ...options } as { db: Kysely<unknown>; name: string })).toThrow(/sqlCursor/)
    }
    await db.transaction().execute(async (transaction) => {
      expect(() => sqlCursor({ db: transaction, name: 'a' })).toThrow(/not a transaction/)
    })
  })
})

test('the contract finds a cursor store that keeps no copy for the next process', async () => {
  const cases = cursorContract({ make: memoryCursor, reopen: (): CursorStore => memoryCursor() })
  const results = await Promise.allSettled(cases.map(({ run }) => run()))
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(2)
})
