// The package has no types of its own. Declared here, and used in no exported type, so that no declaration of ours asks for it.
declare module 'siphash24' {
  /** SipHash-2-4: writes eight bytes into `out`, the low word first. `noAssert` leaves out the checks of the lengths. */
  export default function siphash24(data: Uint8Array, key: Uint8Array, out: Uint8Array, noAssert: boolean): Uint8Array
}
