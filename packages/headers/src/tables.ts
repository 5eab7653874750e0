/** Directives that take sources: Content Security Policy Level 3, and Fenced Frames. */
export const sourceDirectives: readonly string[] = words(
  'default-src script-src script-src-elem script-src-attr style-src style-src-elem style-src-attr img-src font-src connect-src media-src object-src child-src frame-src fenced-frame-src worker-src manifest-src base-uri form-action frame-ancestors',
)

/** Where an element can carry a nonce. Attributes such as `onclick` cannot. */
export const nonceDirectives: RegExp = /^(default|script|style)-src(-elem)?$/

/** Where a hash can match something. */
export const hashDirectives: RegExp = /^(default|script|style)-src/

const scripts = /^script-src(-elem)?$/
const evals = /^(default|script)-src$/

/** Keywords, and the directives in which they mean something. */
export const keywords: ReadonlyMap<string, RegExp> = new Map([
  ["'self'", /^/],
  ["'none'", /^/],
  ["'strict-dynamic'", scripts],
  // Only where 'strict-dynamic' is, which keeps it to scripts.
  ["'unsafe-inline'", /^/],
  ["'unsafe-eval'", evals],
  ["'wasm-unsafe-eval'", evals],
  ["'trusted-types-eval'", evals],
  ["'unsafe-hashes'", /^(default|script|style)-src(-attr)?$/],
  ["'report-sample'", hashDirectives],
  ["'report-sha256'", scripts],
  ["'report-sha384'", scripts],
  ["'report-sha512'", scripts],
  ["'inline-speculation-rules'", scripts],
])

/** Schemes of sources. */
export const schemes: readonly string[] = words('https: http: wss: ws: data: blob: mediastream: filesystem: about:')

/** What a sandbox may allow: HTML. */
export const sandboxFlags: readonly string[] = words(
  'forms modals orientation-lock pointer-lock popups popups-to-escape-sandbox presentation same-origin scripts storage-access-by-user-activation top-navigation top-navigation-by-user-activation top-navigation-to-custom-protocols downloads',
).map((flag) => `allow-${flag}`)

/**
 * Features of Permissions Policy that specifications define or Chromium ships. Client hints (`ch-…`) and features for advertising are not
 * among them: who wants them says so in `allow`.
 */
export const features: readonly string[] = words(
  'accelerometer ambient-light-sensor autoplay battery bluetooth camera captured-surface-control clipboard-read clipboard-write compute-pressure cross-origin-isolated deferred-fetch digital-credentials-create digital-credentials-get display-capture encrypted-media fullscreen gamepad geolocation gyroscope hid identity-credentials-get idle-detection keyboard-map language-detector language-model local-fonts local-network-access magnetometer microphone midi on-device-speech-recognition otp-credentials payment picture-in-picture publickey-credentials-create publickey-credentials-get rewriter screen-wake-lock serial speaker-selection storage-access summarizer sync-xhr translator unload usb web-share window-management writer xr-spatial-tracking',
)

/** The words of `Referrer-Policy`. */
export const referrerPolicies: readonly string[] = words(
  'no-referrer no-referrer-when-downgrade origin origin-when-cross-origin same-origin strict-origin strict-origin-when-cross-origin unsafe-url',
)

/** A list in one string: it is shorter in the bundle. */
export function words(text: string): string[] {
  return text.split(' ')
}
