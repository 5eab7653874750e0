/** Directives that take sources: Content Security Policy Level 3, and Fenced Frames. */
export const sourceDirectives: readonly string[] = words(
  'default-src script-src script-src-elem script-src-attr style-src style-src-elem style-src-attr img-src font-src connect-src media-src object-src child-src frame-src fenced-frame-src worker-src manifest-src base-uri form-action frame-ancestors',
)

/** Where an element can carry a nonce. Attributes such as `onclick` cannot. */
export const nonceDirectives: readonly string[] = words(
  'default-src script-src script-src-elem style-src style-src-elem',
)

const evalDirectives = 'default-src script-src'
const scriptDirectives = 'script-src script-src-elem'
const inlineDirectives =
  'default-src script-src script-src-elem script-src-attr style-src style-src-elem style-src-attr'

export const hashDirectives: readonly string[] = words(inlineDirectives)

/** Keywords, and the directives in which they mean something. */
export const keywords: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    self: sourceDirectives,
    none: sourceDirectives,
    'strict-dynamic': words(scriptDirectives),
    'unsafe-inline': words(scriptDirectives),
    'unsafe-eval': words(evalDirectives),
    'wasm-unsafe-eval': words(evalDirectives),
    'trusted-types-eval': words(evalDirectives),
    'unsafe-hashes': words('default-src script-src script-src-attr style-src style-src-attr'),
    'report-sample': words(inlineDirectives),
    'report-sha256': words(scriptDirectives),
    'report-sha384': words(scriptDirectives),
    'report-sha512': words(scriptDirectives),
    'inline-speculation-rules': words(`default-src ${scriptDirectives}`),
  }),
)

export const schemes: readonly string[] = words('https http wss ws data blob mediastream filesystem about')

export const sandboxFlags: readonly string[] = words(
  'forms modals orientation-lock pointer-lock popups popups-to-escape-sandbox presentation same-origin scripts storage-access-by-user-activation top-navigation top-navigation-by-user-activation top-navigation-to-custom-protocols downloads',
).map((flag) => `allow-${flag}`)

/** Directives that browsers no longer follow. */
export const formerDirectives: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'plugin-types': "browsers removed it with plugins; use 'object-src'",
    'block-all-mixed-content': "browsers do that by themselves; use 'upgrade-insecure-requests'",
    referrer: "use the option 'referrerPolicy'",
    'reflected-xss': 'browsers removed their XSS filters; leave it out',
    'disown-opener': "use the option 'crossOriginOpenerPolicy'",
    'navigate-to': 'no browser follows it; leave it out',
    'prefetch-src': "browsers removed it; 'default-src' and the directive of each kind apply",
    'require-sri-for': 'it was taken out of the standard; leave it out',
  }),
)

/** Features of Permissions Policy that specifications define or Chromium ships. */
export const features: readonly string[] = words(
  'accelerometer all-screens-capture ambient-light-sensor aria-notify attribution-reporting autofill autoplay battery bluetooth browsing-topics camera captured-surface-control ch-device-memory ch-downlink ch-dpr ch-ect ch-prefers-color-scheme ch-prefers-reduced-motion ch-prefers-reduced-transparency ch-rtt ch-save-data ch-ua ch-ua-arch ch-ua-bitness ch-ua-form-factors ch-ua-full-version ch-ua-full-version-list ch-ua-high-entropy-values ch-ua-mobile ch-ua-model ch-ua-platform ch-ua-platform-version ch-ua-wow64 ch-viewport-height ch-viewport-width ch-width clipboard-read clipboard-write compute-pressure controlled-frame cross-origin-isolated deferred-fetch deferred-fetch-minimal device-attributes digital-credentials-create digital-credentials-get direct-sockets direct-sockets-private display-capture encrypted-media execution-while-not-rendered execution-while-out-of-viewport fenced-unpartitioned-storage-read focus-without-user-activation fullscreen gamepad geolocation gyroscope hid identity-credentials-get idle-detection join-ad-interest-group keyboard-map language-detector language-model local-fonts local-network-access magnetometer media-playback-while-not-visible mediasession microphone midi monetization on-device-speech-recognition otp-credentials payment picture-in-picture private-aggregation private-state-token-issuance private-state-token-redemption publickey-credentials-create publickey-credentials-get record-ad-auction-events rewriter run-ad-auction screen-wake-lock serial shared-autofill shared-storage shared-storage-select-url smart-card speaker-selection storage-access sub-apps summarizer sync-xhr translator unload usb usb-unrestricted web-app-installation web-share window-management writer xr-spatial-tracking',
)

/** Features that browsers no longer know. */
export const formerFeatures: readonly string[] = words(
  'interest-cohort document-domain vr wake-lock window-placement trust-token-redemption conversion-measurement notifications push vibrate speaker',
)

export const referrerPolicies: readonly string[] = words(
  'no-referrer no-referrer-when-downgrade origin origin-when-cross-origin same-origin strict-origin strict-origin-when-cross-origin unsafe-url',
)

/** A list in one string: it is shorter in the bundle. */
export function words(text: string): string[] {
  return text.split(' ')
}
