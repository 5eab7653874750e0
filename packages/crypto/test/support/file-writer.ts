import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { fileKeyStore } from '../../src/stores/file.ts'

// A process that adds to the keyring `main` of a folder until it is killed or its input ends. Each write appends a token of its own to
// the document's log; the token is printed before the write and the generation after it was won.

const store = fileKeyStore(process.argv[2] ?? '')
const ended = new AbortController()
process.stdin.on('end', () => ended.abort())
process.stdin.resume()

while (!ended.signal.aborted) {
  const found = await store.read('main')
  const { log } = JSON.parse(found?.document ?? '{"log":[]}') as { log: string[] }
  const token = randomUUID().slice(0, 13)
  const document = JSON.stringify({ log: [...log, token], filling: token.repeat(500) })
  // Synchronous, because a kill must not lose a line that was printed.
  writeSync(1, `tries ${token}\n`)
  if (await store.write('main', document, found?.generation ?? 0))
    writeSync(1, `won ${token} ${(found?.generation ?? 0) + 1}\n`)
}
