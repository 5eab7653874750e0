// Bytes a key at many keys: resident memory of a fresh process each.
import { digits, table } from '../lib/table.mjs'
import { probe } from './probe.mjs'
import { MOST, sizeSubjects } from './size-subjects.mjs'
import { judged } from './verdicts.mjs'

/** On one Node only: what a typed array takes is no matter of its version. */
export async function sizes({ runtimes, quick }) {
  const runtime = runtimes.find(({ name }) => name === '24') ?? runtimes[0]
  const keys = quick ? 200_000 : 1_000_000
  const found = {}
  for (const name of Object.keys(sizeSubjects)) found[name] = await probe(runtime.exec, 'size-probe.mjs', name, keys)
  return { text: report(found, keys, runtime), verdicts: verdictsOf(found, runtime), figures: { keys, bytes: found } }
}

const mostOf = (subject) => MOST[/^(?:exact|strict), ([\w ]+)/.exec(subject)?.[1]]

function report(found, keys, { name }) {
  const rows = Object.entries(found).map(([subject, { resident, blocks, rest }]) => [
    mostOf(subject) === undefined ? subject : `ours, ${subject}`,
    digits(resident),
    blocks === null ? '' : digits(blocks),
    rest === null ? '' : digits(rest),
  ])
  return [
    `Bytes a key at ${keys.toLocaleString('en')} keys, a fresh process each, Node ${name}; beside it what the store counts itself.`,
    table(['', 'resident', 'blocks used', 'reserved beside blocks'], rows),
  ].join('\n\n')
}

function verdictsOf(found, { name: node }) {
  return Object.entries(found).flatMap(([subject, { resident, blocks }]) => {
    const most = mostOf(subject)
    if (most === undefined) return []
    const verdict = (how, value) => ({
      figure: `bytes a key, ${subject}, ${how}`,
      byNode: { [node]: judged([value], '<=', most) },
    })
    return [verdict('resident', resident), verdict('blocks used', blocks)]
  })
}
