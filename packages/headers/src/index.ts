export { compileHeaders } from './compile.ts'
export { describe } from './describe.ts'
export { HeadersError, type HeadersErrorCode } from './errors.ts'
export { extendPolicy, type PolicyChanges } from './extend.ts'
export { NONCE } from './nonce-marker.ts'
export type {
  CompiledHeaders,
  CspPolicy,
  CspSource,
  CspSources,
  HeaderPolicy,
  HstsPolicy,
  ReferrerPolicy,
} from './policy.ts'
export { presets } from './presets.ts'
export { clearSiteData, type ClearSiteDataDirective, type ClearSiteDataOptions } from './clear-site-data.ts'
export {
  checkFetchMetadata,
  type FetchMetadataOptions,
  type FetchMetadataReason,
  type FetchMetadataResult,
  fetchMetadataGuard,
  type HeaderSource,
} from './fetch-metadata.ts'
export { cspNonce, headersGuard, type HeadersChoice } from './headers-guard.ts'
export { nonceSource } from './nonce-source.ts'
