/** A dictionary of structured fields, RFC 9651 section 4.2.2, as far as headers of this package use it. It judges them, so it forgives nothing. */
export type Dictionary = Map<string, string | readonly string[]>

/**
 * @returns each member: a string or token as `"text"` or `token`, an inner list as an array of them.
 * @throws {SyntaxError} when the text is no dictionary, or when a member comes twice.
 */
export function parseDictionary(text: string): Dictionary {
  const input = { rest: text }
  const members: Dictionary = new Map()
  for (;;) {
    const key = take(input, /^[a-z*][a-z0-9_.*-]*/)
    take(input, /^=/)
    if (members.has(key)) throw new SyntaxError(`${key} comes twice`)
    members.set(key, input.rest.startsWith('(') ? innerList(input) : item(input))
    if (input.rest === '') return members
    take(input, /^, /)
  }
}

interface Input {
  rest: string
}

function innerList(input: Input): string[] {
  const list: string[] = []
  take(input, /^\(/)
  while (!input.rest.startsWith(')')) {
    if (list.length > 0) take(input, /^ /)
    list.push(item(input))
  }
  take(input, /^\)/)
  return list
}

function item(input: Input): string {
  return take(input, /^(?:"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|[A-Za-z*][\w!#$%&'*+.^`|~:/-]*)/)
}

function take(input: Input, pattern: RegExp): string {
  const found = pattern.exec(input.rest)?.[0]
  if (found === undefined) throw new SyntaxError(`expected ${pattern} at ${JSON.stringify(input.rest.slice(0, 40))}`)
  input.rest = input.rest.slice(found.length)
  return found
}
