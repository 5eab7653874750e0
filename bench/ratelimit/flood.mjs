// What a flood of distinct keys does to the memory of a process and to the counters of others.
import { digits, table } from '../lib/table.mjs'
import { floodSubjects } from './flood-subjects.mjs'
import { probe } from './probe.mjs'
import { judged } from './verdicts.mjs'

const MEGABYTE = 1024 * 1024
const OURS = { 'ours, 64 MiB': 64, 'ours, 16 MiB': 16 }

export async function flood({ runtimes, quick }) {
  const runtime = runtimes.find(({ name }) => name === '24') ?? runtimes[0]
  const keys = quick ? 300_000 : 1_000_000
  const found = {}
  for (const name of Object.keys(floodSubjects)) found[name] = await probe(runtime.exec, 'flood-probe.mjs', name, keys)
  return { text: report(found, keys, runtime), verdicts: verdictsOf(found, runtime), figures: { flood: found } }
}

function report(found, keys, { name }) {
  const rows = Object.entries(found).map(([subject, { victims, counted, refused, forgiven, denied, grown, most }]) => [
    subject,
    `${digits(grown / MEGABYTE)} MiB`,
    `${digits(most / MEGABYTE)} MiB`,
    `${forgiven} of ${victims}`,
    `${denied} of ${counted}`,
    `${digits((refused / keys) * 100)} %`,
  ])
  return [
    `A flood of ${keys.toLocaleString('en')} keys, Node ${name}. Victims were at their limit before it; counted keys had one hit of five.`,
    table(['', 'resident after it', 'at most', 'victims let in', 'counted keys denied', 'of the flood refused'], rows),
  ].join('\n\n')
}

function verdictsOf(found, { name: node }) {
  const verdict = (figure, value, most) => ({ figure, byNode: { [node]: judged([value], '<=', most) } })
  return Object.entries(OURS).flatMap(([subject, megabytes]) => [
    verdict(`flood, ${subject}: resident MiB`, found[subject].grown / MEGABYTE, megabytes),
    verdict(`flood, ${subject}: victims let in`, found[subject].forgiven, 0),
    verdict(`flood, ${subject}: counted keys denied`, found[subject].denied, 0),
  ])
}
