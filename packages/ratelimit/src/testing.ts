export type { ContractCase } from './contracts/contract.ts'
export { type WindowStoreContractOptions, windowStoreContract } from './contracts/window-store-contract.ts'
