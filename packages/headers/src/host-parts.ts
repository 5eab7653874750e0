const source =
  /^(?:([a-z][a-z0-9+.-]*:)\/\/)?((?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*|\*)(?::(\d+|\*))?(\/(?:[\w.~!$&()*+=:@/-]|%[0-9A-Fa-f]{2})*)?$/

/**
 * Takes a host source of CSP 3 (section 2.3.1) apart, in small letters: `https://*.shop.example:8443/js/`.
 *
 * @returns the text, scheme with its colon, host, port and path; nothing when it is something else.
 */
export function hostParts(text: string): readonly (string | undefined)[] {
  const parts = source.exec(text) ?? []
  return Number(parts[3]) > 65_535 ? [] : parts
}
