// Rate limits beside their peers: runs the parts one after the other and prints what they found.
import { ensureBuilt } from '../lib/built.mjs'
import { verdictTable } from './verdicts.mjs'

/** Loaded when the packages are built. */
const PARTS = {
  speed: async () => (await import('./speed.mjs')).speed,
  sizes: async () => (await import('./sizes.mjs')).sizes,
  flood: async () => (await import('./flood.mjs')).flood,
  redis: async () => (await import('./redis.mjs')).redis,
  adapters: async () => (await import('./adapters.mjs')).adapters,
  'adapters-in-memory': async () => (await import('./adapters.mjs')).adaptersInMemory,
}

/**
 * @param {{ runtimes: { name: string, version: string, exec: string }[], quick: boolean, only?: string[] }} o
 * @returns {Promise<{ text: string, figures: object }>}
 */
export async function run({ runtimes, quick, only = Object.keys(PARTS) }) {
  const unknown = only.find((part) => !Object.hasOwn(PARTS, part))
  if (unknown !== undefined) throw new RangeError(`--only: "${unknown}" is none of ${Object.keys(PARTS).join(', ')}`)
  ensureBuilt(['core', 'ratelimit'])
  const [texts, verdicts, figures] = [[], [], {}]
  for (const part of only) {
    const found = await (await PARTS[part]())({ runtimes, quick })
    texts.push(found.text)
    verdicts.push(...found.verdicts)
    figures[part] = found.figures
  }
  texts.push(
    'Verdicts: median of the ratios of each round, of adapters those of resampled starts [quartiles], beside the target.',
  )
  texts.push(
    verdictTable(
      verdicts,
      runtimes.map(({ name }) => name),
    ),
  )
  return { text: texts.join('\n\n'), figures: { verdicts, ...figures } }
}
