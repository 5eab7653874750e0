export type { ContractCase } from './contracts/contract.ts'
export { type CursorContractOptions, cursorContract } from './contracts/cursor-contract.ts'
export { type KeyProviderContractOptions, keyProviderContract } from './contracts/key-provider-contract.ts'
export { type KeyStoreContractOptions, keyStoreContract } from './contracts/key-store-contract.ts'
