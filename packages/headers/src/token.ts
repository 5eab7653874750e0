import { textOf } from './options.ts'

/**
 * Checks that a value is one token: what would end it, begin another one, or hide in it is refused.
 *
 * @param path where it stands in the policy.
 * @returns the same text, of visible ASCII without `;` and `,`.
 */
export function tokenOf(value: unknown, path: string): string {
  return textOf(
    value,
    path,
    /^(?!.*[;,])[!-~]{1,2048}$/,
    'token of 1 to 2048 visible ASCII characters without ; and , (hosts in punycode)',
  )
}
