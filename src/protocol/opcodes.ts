/** The opcodes of RFC 6455 5.2. */
export const Opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** The opcode of a message: text or binary. */
export type DataOpcode = typeof Opcode.text | typeof Opcode.binary;

/** The reserved bits of a frame's first byte (RFC 6455 5.2). Each is 0 unless an extension has given it a meaning. */
export const ReservedBit = {
  rsv1: 0x40,
  rsv2: 0x20,
  rsv3: 0x10,
} as const;

/** One of the three reserved bits. */
export type ReservedBit = (typeof ReservedBit)[keyof typeof ReservedBit];

/** All three reserved bits. */
export const RESERVED_BITS = ReservedBit.rsv1 | ReservedBit.rsv2 | ReservedBit.rsv3;

/** RFC 6455 5.5: control frames are those whose opcode has its highest bit set. */
export function isControl(opcode: number): boolean {
  return (opcode & 0x8) !== 0;
}

/** RFC 6455 5.2: 3 to 7 and 11 to 15 are reserved. */
export function isReserved(opcode: number): boolean {
  return (opcode & 0x7) > 2;
}
