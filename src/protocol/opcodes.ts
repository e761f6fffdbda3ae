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

/** RFC 6455 5.5: control frames are those whose opcode has its highest bit set. */
export function isControl(opcode: number): boolean {
  return (opcode & 0x8) !== 0;
}

/** RFC 6455 5.2: 3 to 7 and 11 to 15 are reserved. */
export function isReserved(opcode: number): boolean {
  return (opcode & 0x7) > 2;
}
