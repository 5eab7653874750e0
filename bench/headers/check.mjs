// Whether the applications answer alike: nothing is measured before.
import { get } from 'node:http'

const nonceForm = /'nonce-([\w+/=]{22,})'/g

/** What Node and the frameworks send on their own. */
const OF_THE_FRAMEWORK = new Set(['date', 'connection', 'keep-alive', 'content-length', 'content-type'])

/**
 * @param {Record<string, number>} ports by the names that `headerServers()` gives
 * @throws {Error} when a nonce is not fresh or not the page's, or when two that are compared send different headers
 */
export async function checkHeaders(ports) {
  const sent = {}
  for (const [name, port] of Object.entries(ports)) {
    const [first, second] = [await answer(port), await answer(port)]
    if (!name.startsWith('bare')) checkNonces(name, first, second)
    sent[name] = headersOf(first)
  }
  mustBeEqual(sent, 'set by hand, as ours', 'ours')
  mustBeEqual(sent, 'ours, equal', 'set by hand, equal')
  mustBeEqual(sent, 'ours, equal', 'peer, equal')
  const [ours, peer] = [sent.ours, sent.peer].map((headers) => headers['content-security-policy'])
  if (ours !== peer) throw new Error(`the peer's policy is not ours:\n${peer}\n${ours}`)
  return {
    ours: Object.keys(sent.ours).length,
    peer: Object.keys(sent.peer).length,
    equal: Object.keys(sent['ours, equal']).length,
  }
}

function checkNonces(name, first, second) {
  const [before, after] = [first, second].map(({ headers }) =>
    Array.from(headers['content-security-policy'].matchAll(nonceForm), ([, nonce]) => nonce),
  )
  const fresh = before.length === 2 && before.every((nonce) => !after.includes(nonce))
  if (!fresh || !first.body.includes(`nonce="${before[0]}"`))
    throw new Error(`${name}: ${before.join()} and ${after.join()} are not fresh nonces of the page`)
}

/** With the nonce left out, and a policy's sources in one order: the peers write them in other places. */
function headersOf({ headers }) {
  const own = Object.entries(headers).filter(([name]) => !OF_THE_FRAMEWORK.has(name))
  const byName = own.sort(([one], [other]) => one.localeCompare(other, 'en'))
  return Object.fromEntries(
    byName.map(([name, value]) => [name, name === 'content-security-policy' ? plain(value) : value]),
  )
}

const plain = (policy) =>
  policy
    .replaceAll(nonceForm, 'NONCE')
    .split(/\s*;\s*/)
    .map((directive) => directive.split(' ').sort().join(' '))
    .sort()
    .join('; ')

function mustBeEqual(sent, one, other) {
  const [a, b] = [one, other].map((name) => JSON.stringify(sent[name], null, 1))
  if (a !== b) throw new Error(`"${one}" and "${other}" do not send the same headers: ${a} ${b}`)
}

/** Whether all answer with the same text, and carry a header for each guard that ran. */
export async function checkBridges(ports) {
  const expected = { no: 0, one: 1, three: 3 }
  const texts = new Set()
  for (const [name, port] of Object.entries(ports)) {
    const { headers, body } = await answer(port)
    const seen = Object.keys(headers).filter((header) => header.startsWith('x-seen-')).length
    if (seen !== expected[name.split(' ')[0]]) throw new Error(`"${name}" sends ${seen} headers`)
    texts.add(body)
  }
  if (texts.size !== 1) throw new Error(`the answers differ: ${[...texts].join(' / ')}`)
}

function answer(port) {
  const headers = { 'x-till': 'till-7', 'x-shop': 'shop-3', 'x-trace': '4bf92f3577b34da6' }
  return new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', headers, agent: false })
    request.once('error', reject)
    request.once('response', (response) => {
      const body = response.setEncoding('utf8').toArray()
      body.then((chunks) => resolve({ headers: response.headers, body: chunks.join('') }), reject)
    })
  })
}
