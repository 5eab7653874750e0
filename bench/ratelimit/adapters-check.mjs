// Whether the applications answer alike and count: nothing is measured before.
import { get } from 'node:http'

/**
 * @param {Record<string, number>} ports by the names that `limitServers()` gives
 * @returns {Promise<Record<string, number>>} how many fields each sends about its limit
 * @throws {Error} when one answers something else, does not count, or counts what it should not tell
 */
export async function checkLimits(ports) {
  const fields = {}
  for (const [name, port] of Object.entries(ports)) {
    const [first, second] = [await answer(port), await answer(port)]
    if (first.status !== 200 || first.body !== '{"stock":7}') throw new Error(`${name}: ${first.status} ${first.body}`)
    const told = limitFields(first)
    fields[name] = told.length
    const silent = name.startsWith('bare') || name.endsWith('no fields')
    if (silent !== (told.length === 0)) throw new Error(`${name} sends ${told.length} fields`)
    if (!silent) mustCount(name, first, second)
  }
  return fields
}

const limitFields = ({ headers }) => Object.keys(headers).filter((name) => /^(x-)?ratelimit/.test(name))

/** What is left after a second request is one less. */
function mustCount(name, first, second) {
  const left = ({ headers }) => {
    const found = /(?:r|remaining)=(\d+)/.exec(headers.ratelimit ?? '')?.[1]
    return Number(found ?? headers['ratelimit-remaining'] ?? headers['x-ratelimit-remaining'])
  }
  if (left(first) - left(second) !== 1) throw new Error(`${name}: ${left(first)} are left, then ${left(second)}`)
}

function answer(port) {
  return new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', agent: false })
    request.once('error', reject)
    request.once('response', (response) => {
      const body = response.setEncoding('utf8').toArray()
      const { statusCode: status, headers } = response
      body.then((chunks) => resolve({ status, headers, body: chunks.join('') }), reject)
    })
  })
}
