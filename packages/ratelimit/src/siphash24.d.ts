// The package has no types of its own. Declared here, and used in no exported type, so that no declaration of ours asks for it.
declare module 'siphash24/siphash24.js' {
  /** The WebAssembly module of the package. */
  interface SipHash {
    readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
    /** SipHash-2-4 of so many bytes at a place in the memory, under the key at 8 to 23. Writes eight bytes at 0, the low word first. */
    readonly siphash: (at: number, length: number) => void
  }
  export default function instantiate(): SipHash
}
