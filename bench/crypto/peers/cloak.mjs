import cloakPackage from '@47ng/cloak'

const { generateKey, parseKeySync, encryptStringSync, decryptStringSync } = cloakPackage

/** @47ng/cloak, its synchronous face with a key parsed once. AES-256-GCM without a context. */
export function cloak() {
  const key = parseKeySync(generateKey())
  return {
    seal: (text) => encryptStringSync(text, key),
    open: (sealed) => decryptStringSync(sealed, key),
  }
}
