/** The icon of the pages: a tag on a string. */
export const icon = {
  path: '/assets/icon.svg',
  text: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M4 4h13l11 11-13 13L4 17z" fill="#2451d6"/><circle cx="10.5" cy="10.5" r="2.5" fill="#fff"/></svg>`,
  headers: { 'content-type': 'image/svg+xml' },
} as const
