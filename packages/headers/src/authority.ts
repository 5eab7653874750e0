/** Host and port as a request names them: in lower case, without the dot of the root, without the port that http or https has anyway. */
export interface Authority {
  readonly host: string
  readonly port: string
}

const form = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::(\d{1,5}))?$/

/**
 * Reads `shop.example:8443` or `[::1]:8080`.
 *
 * @returns `undefined` for anything else, such as a list, user info, a name that is not ASCII or one longer than DNS has.
 */
export function parseAuthority(text: string): Authority | undefined {
  const match = text.length <= 260 ? form.exec(text.toLowerCase()) : null
  if (!match) return undefined
  const [, host = '', port = ''] = match
  return { host, port: port === '80' || port === '443' ? '' : port }
}

/**
 * What a request is addressed to: Host, or `:authority` of HTTP/2. Not every framework has names with a colon, so the second is asked for only
 * where the first is missing.
 */
export function requestHost(read: (name: string) => string | undefined): string | undefined {
  const host = read('host')
  if (host !== undefined) return host
  try {
    return read(':authority')
  } catch {
    return undefined
  }
}
