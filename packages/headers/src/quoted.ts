/**
 * Shows input in a message: at most 60 characters, none of which could break a line or hide.
 *
 * @example
 * shown('a\nb') // 'a\\u{a}b'
 */
export function shown(text: string): string {
  return text
    .replace(/(?<=^.{60}).+/su, '…')
    .replaceAll(/[^\x20-\x7e…]/gu, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`)
}
