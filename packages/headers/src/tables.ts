/** Directives that take sources: Content Security Policy Level 3, and Fenced Frames. */
export const sourceDirectives: readonly string[] = words(
  'default-src script-src script-src-elem script-src-attr style-src style-src-elem style-src-attr img-src font-src connect-src media-src object-src child-src frame-src fenced-frame-src worker-src manifest-src base-uri form-action frame-ancestors',
)

/** Where an element can carry a nonce. Attributes such as `onclick` cannot. */
export const nonceDirectives: RegExp = /^(default|script|style)-src(-elem)?$/

/** Where a hash can match something. */
export const hashDirectives: RegExp = /^(default|script|style)-src/

/** Keywords, and the directives in which they mean something. */
export const keywords: ReadonlyMap<string, RegExp> = new Map([
  // 'unsafe-inline' needs 'strict-dynamic' beside it, which keeps it to scripts.
  ...keywordsOf('self none unsafe-inline', /^/),
  ...keywordsOf(
    'strict-dynamic report-sha256 report-sha384 report-sha512 inline-speculation-rules',
    /^script-src(-elem)?$/,
  ),
  ...keywordsOf('unsafe-eval wasm-unsafe-eval trusted-types-eval', /^(default|script)-src$/),
  ...keywordsOf('unsafe-hashes', /^(default|script|style)-src(-attr)?$/),
  ...keywordsOf('report-sample', hashDirectives),
])

/** Schemes of sources. */
export const schemes: readonly string[] = words('https: http: wss: ws: data: blob: mediastream: filesystem: about:')

/** What a sandbox may allow: HTML. */
export const sandboxFlags: readonly string[] = words(
  'forms modals orientation-lock pointer-lock popups popups-to-escape-sandbox presentation same-origin scripts storage-access-by-user-activation top-navigation top-navigation-by-user-activation top-navigation-to-custom-protocols downloads',
).map((flag) => `allow-${flag}`)

/** Powerful features that a page of a shop does without. */
export const powerfulFeatures: readonly string[] = words(
  'accelerometer camera display-capture geolocation gyroscope hid idle-detection local-fonts magnetometer microphone midi payment serial usb xr-spatial-tracking',
)

/**
 * Features of Permissions Policy that specifications define or Chromium ships. Client hints (`ch-…`), features for advertising, models in the
 * browser and experiments are not among them: who wants them says so in `allow`.
 */
export const features: readonly string[] = [
  ...powerfulFeatures,
  ...words(
    'autoplay bluetooth clipboard-read clipboard-write compute-pressure cross-origin-isolated encrypted-media fullscreen gamepad identity-credentials-get keyboard-map local-network-access otp-credentials picture-in-picture publickey-credentials-create publickey-credentials-get screen-wake-lock speaker-selection storage-access sync-xhr unload web-share window-management',
  ),
]

/** The words of `Referrer-Policy`. */
export const referrerPolicies: readonly string[] = words(
  'no-referrer no-referrer-when-downgrade origin origin-when-cross-origin same-origin strict-origin strict-origin-when-cross-origin unsafe-url',
)

/** A list in one string: it is shorter in the bundle. */
export function words(text: string): string[] {
  return text.split(' ')
}

function keywordsOf(names: string, places: RegExp): [string, RegExp][] {
  return words(names).map((name) => [`'${name}'`, places])
}
