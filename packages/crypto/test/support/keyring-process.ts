import { writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { discardEvents, isSecurityError } from '@mosaajii/core'
import { fileKeyStore, type Keyring, type KeyringOptions, localKeyProvider, openKeyring } from '@mosaajii/crypto'

// One process of an application, for the tests of several at once: `keyring-process.ts <what> <folder> <secret> [run]`. It prints a line for
// each thing that it has done; the lines are written synchronously, because a kill must not lose one that was printed.

const [, , what = '', folder = '', secret = '', run = ''] = process.argv
const provider = localKeyProvider({ secret })
const say = (...words: readonly unknown[]) => void writeSync(1, `${words.join(' ')}\n`)
const emailOf = (keyring: Keyring) => keyring.field({ table: 'customers', column: 'email' })
const open = async (options: Partial<KeyringOptions> = {}) =>
  openKeyring({ provider, store: fileKeyStore(folder), events: discardEvents(), ...options })

/** Waits for the word to begin, so that all processes begin at once. */
async function ready(): Promise<void> {
  say('ready')
  await new Promise((resolve) => process.stdin.once('data', resolve))
}

const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  /** Opens a keyring that none or another process has made, and seals a value. */
  async start() {
    await ready()
    const keyring = await open()
    say('sealed', run, emailOf(keyring).seal(`from ${run}`, { row: run }))
    say('versions', keyring.versions().length, keyring.versions('index').length)
    process.stdin.destroy()
  },

  /** Rotates and seals until its input ends or it is killed. */
  async rotate() {
    let going = true
    process.stdin.on('end', () => {
      going = false
    })
    process.stdin.resume()
    const keyring = await open({ refresh: '100ms' })
    const email = emailOf(keyring)
    for (let i = 0; going; i++) {
      try {
        say('tries', run)
        say('rotated', run, (await keyring.rotate()).version)
        const row = `${run}-${i}`
        say('sealed', row, email.seal(`from ${row}`, { row }))
      } catch (error) {
        // A busy machine may be late: then it does not seal.
        if (!isSecurityError(error) || error.code !== 'KEYRING_STALE') throw error
      }
    }
    keyring.close()
  },

  /** Leaves a keyring open; only its timer is left. */
  async leave() {
    const keyring = await open({ refresh: '100ms' })
    emailOf(keyring)
    await keyring.recorded()
    await pause(250)
    say('left')
  },

  /** Everything fails, and nobody looks at it. With `--unhandled-rejections=strict` an unhandled one ends the process. */
  async fail() {
    const down = async () => {
      throw new Error('down')
    }
    const store = fileKeyStore(folder)
    const broken = { read: store.read, write: store.write }
    const events = discardEvents()
    const sink = { write: events.write }
    const keyring = await open({
      store: { read: async (id) => broken.read(id), write: async (...args) => broken.write(...args) },
      events: { write: (event) => sink.write(event) },
      refresh: '100ms',
      deadline: '500ms',
    })
    const email = emailOf(keyring)
    await keyring.recorded()
    const token = Buffer.from(email.seal('x', { row: 1 }), 'base64url')
    token.writeUInt32BE(99, 2)
    broken.read = down
    broken.write = down
    sink.write = down
    // The background: recording a field, reading again for an unknown version, the timer, an event of a failed opening.
    keyring.field({ table: 'late', column: 'late' })
    keyring.transient({ table: 'late', column: 'later', ttl: '1m' })
    for (const text of [token.toString('base64url'), 'no token']) {
      try {
        email.open(text, { row: 1 })
      } catch (error) {
        say((error as { code?: string }).code)
      }
    }
    await pause(500)
    try {
      email.seal('x', { row: 1 })
    } catch (error) {
      say((error as { code?: string }).code)
    }
    // Answers that never come, and some that come after the deadline.
    broken.read = () => new Promise(() => undefined)
    await pause(700)
    broken.read = async () => {
      await pause(600)
      throw new Error('late')
    }
    await pause(900)
    void keyring.refresh().catch(() => undefined)
    keyring.close()
    await pause(700)
    say('survived')
  },
}

await (scenarios[what] ?? (() => Promise.reject(new Error(`no scenario '${what}'`))))()
