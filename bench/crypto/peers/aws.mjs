import { randomBytes } from 'node:crypto'
import awsClient from '@aws-crypto/client-node'

const {
  AlgorithmSuiteIdentifier,
  CommitmentPolicy,
  NodeCachingMaterialsManager,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
  buildClient,
  getLocalCryptographicMaterialsCache,
} = awsClient

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
const suiteId = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY

/**
 * The AWS Encryption SDK: raw AES keyring (no network), data keys cached, its committing suite without a signature.
 *
 * @param {boolean} rowInContext its cache looks data keys up by the whole encryption context, so a context that names the row means a new
 * data key for each row; without the row (false) it is at its fastest, and a ciphertext can be moved between rows
 */
export function aws(rowInContext) {
  const keyring = new RawAesKeyringNode({
    keyName: 'main',
    keyNamespace: 'bench',
    unencryptedMasterKey: new Uint8Array(randomBytes(32)),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  })
  const manager = new NodeCachingMaterialsManager({
    backingMaterials: keyring,
    cache: getLocalCryptographicMaterialsCache(1000),
    maxAge: 24 * 60 * 60 * 1000,
    maxMessagesEncrypted: 2 ** 31,
  })
  const shared = { table: 'customers', column: 'email' }
  const contextOf = rowInContext ? (row) => ({ ...shared, row }) : () => shared
  return {
    async: true,
    async seal(text, row) {
      const { result } = await encrypt(manager, Buffer.from(text), { suiteId, encryptionContext: contextOf(row) })
      return result.toString('base64url')
    },
    async open(sealed, row) {
      const { plaintext, messageHeader } = await decrypt(manager, Buffer.from(sealed, 'base64url'))
      // The SDK leaves this comparison to the caller; without it the context protects nothing.
      const expected = contextOf(row)
      for (const name in expected) {
        if (messageHeader.encryptionContext[name] !== expected[name]) throw new Error(`another ${name}`)
      }
      return plaintext.toString()
    },
  }
}
