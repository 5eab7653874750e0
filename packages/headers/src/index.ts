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
