/** What the compilers of the headers share while one policy is compiled. */
export interface Build {
  /** Names that the policy vouches for. */
  readonly allow: ReadonlySet<string>
  /** The groups of `reportingEndpoints`. */
  readonly groups: ReadonlySet<string>
  /** Adds a warning. */
  warn(path: string, text: string): void
}

/** Stands for the nonce in a header's text until the text is cut there. Nothing that passed the checks can hold a line feed. */
export const nonceGap = '\n'
