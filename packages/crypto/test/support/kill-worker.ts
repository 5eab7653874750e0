import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isSecurityError } from '@mosaajii/core'
import { reencrypt } from '@mosaajii/crypto'
import { type KillPlace, openShop } from './kill-shop.ts'

// A process that re-encrypts a shop's customers and rotates the keys, again and again, until it is killed. It prints what it did: a line
// is written after the effect, and synchronously, because a kill must not lose one that was printed.

const [placeText = '', worker = ''] = process.argv.slice(2)
const shop = await openShop(JSON.parse(placeText) as KillPlace)
const { keyring, customers, source } = shop
writeSync(1, 'open\n')

await Promise.all([forever(moveAll), forever(() => rotate('data')), forever(() => rotate('index'))])

async function forever(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await work()
    } catch (error) {
      if (!isSecurityError(error)) throw error
      // With a new key every moment the work may make its hundred passes; then it begins anew.
      if (error.code === 'REENCRYPTION_STOPPED' && error.message.includes('100 passes')) continue
      // On a busy machine 100 ms are soon over; the next round goes on from the cursor.
      if (error.code !== 'KEYRING_STALE') throw error
      await keyring.refresh()
    }
  }
}

async function moveAll(): Promise<void> {
  const work = reencrypt({ keyring, table: customers, source, cursor: shop.cursor(worker), batch: 20 })
  for await (const { rewritten, unreadable, done } of work) {
    if (unreadable.length > 0) throw new Error(`unreadable: ${JSON.stringify(unreadable)}`)
    writeSync(1, done ? 'done\n' : `rewrote ${rewritten}\n`)
  }
}

/** A new key becomes active 200 ms after this, most often in the middle of a pass. */
async function rotate(purpose: 'data' | 'index'): Promise<void> {
  const { version, createdAt } = await (purpose === 'data' ? keyring.rotate() : keyring.rotateIndex())
  writeSync(1, `rotated ${purpose} ${version} ${createdAt}\n`)
  await sleep(Math.random() * 200)
}
