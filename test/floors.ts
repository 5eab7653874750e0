/** The floor of each package. A package uses packages of lower floors only; a new package is added here when it is planned. */
export const floors: Readonly<Record<string, number>> = {
  '@mosaajii/core': 0,
  '@mosaajii/crypto': 1,
  '@mosaajii/ratelimit': 1,
  '@mosaajii/headers': 1,
  '@mosaajii/validation': 1,
  '@mosaajii/audit': 1,
  '@mosaajii/auth': 2,
  '@mosaajii/access': 2,
  '@mosaajii/tls': 2,
  '@mosaajii/backup': 2,
  '@mosaajii/vulnerabilities': 2,
  '@mosaajii/monitor': 3,
  '@mosaajii/gateway': 4,
  '@mosaajii/cli': 5,
}

const topFloor = 5

/** One package uses another one. */
export interface Edge {
  readonly from: string
  readonly to: string
  /** Where it does: a manifest or a source file. */
  readonly where: string
}

/**
 * The edges that break the order of the house, each in words. A name outside `@mosaajii/` is an example: it is on the top floor, and
 * nothing may use it.
 */
export function brokenEdges(edges: readonly Edge[]): string[] {
  return edges.flatMap(({ from, to, where }) => {
    if (from === to) return []
    const [lower, upper] = [floorOf(to), floorOf(from)]
    if (lower === undefined || upper === undefined) {
      return [`${where}: ${lower === undefined ? to : from} has no floor yet; add it to the table in test/floors.ts`]
    }
    return lower < upper ? [] : [`${where}: ${from} (floor ${upper}) must not use ${to} (floor ${lower})`]
  })
}

function floorOf(name: string): number | undefined {
  return name.startsWith('@mosaajii/') ? floors[name] : topFloor
}

/**
 * What a source file imports, as written: static and dynamic imports, re-exports, types, `require` and module augmentations. Comments are
 * left out, because examples in them may show any package.
 */
export function importsOf(source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
  const found = code.matchAll(/\b(?:from|import|require|declare\s+module)\s*\(?\s*(['"`])([^'"`\n]+)\1/g)
  return [...found].map(([, , specifier]) => specifier ?? '')
}

/** `@mosaajii/core/testing` is a part of `@mosaajii/core`. */
export function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}
