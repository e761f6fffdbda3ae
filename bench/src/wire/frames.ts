/** The opcodes that the benchmark uses (RFC 6455 5.2). */
export const OPCODE = { continuation: 0, text: 1, binary: 2, ping: 9 } as const;

/** How a payload is sent: as a text frame, as a binary frame, or as a text frame with JSON. */
export type Format = "text" | "binary" | "json";

const MASK = [0x12, 0x34, 0x56, 0x78];
const FIN = 0x80;

/**
 * The payload of every message of a run. It is the same for every server, so that an answer can be compared byte by byte.
 *
 * @param size - its length in bytes
 * @param format - `"json"` gives the text of an object with that length, the others give the repeated alphabet
 * @returns the bytes
 */
export function payload(size: number, format: Format): Buffer {
  if (format === "json") return jsonPayload(size);
  const bytes = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i++) bytes[i] = 97 + (i % 26);
  return bytes;
}

/** The text of an object with values of several types, padded to the length. `JSON.stringify(JSON.parse(text)) === text`. */
function jsonPayload(size: number): Buffer {
  const value = { id: 4711, name: "user-1", online: true, score: 12.5, tags: ["a", "b"], team: null, note: "" };
  const padding = size - JSON.stringify(value).length;
  if (padding < 0) throw new RangeError(`a JSON message has at least ${size - padding} bytes, not ${size}`);
  return Buffer.from(JSON.stringify({ ...value, note: "x".repeat(padding) }));
}

/** The opcode of a format. */
export function opcodeOf(format: Format): number {
  return format === "binary" ? OPCODE.binary : OPCODE.text;
}

/**
 * A complete, unmasked frame, as a server sends it.
 *
 * @returns header and body in one buffer
 */
export function serverFrame(opcode: number, body: Buffer): Buffer {
  return Buffer.concat([header(opcode, body.length, 0), body]);
}

/**
 * A complete, masked frame, as a client sends it (RFC 6455 5.3). The mask is always the same. Its value does not change the cost.
 *
 * @returns header, masking key and masked body in one buffer
 */
export function clientFrame(opcode: number, body: Buffer): Buffer {
  const masked = Buffer.from(body);
  for (let i = 0; i < masked.length; i++) masked[i] = body[i]! ^ MASK[i & 3]!;
  return Buffer.concat([header(opcode, body.length, 0x80), Buffer.from(MASK), masked]);
}

/** One frame repeated `times` times, in one buffer. */
export function repeated(frame: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => frame));
}

function header(opcode: number, length: number, maskBit: number): Buffer {
  if (length < 126) return Buffer.from([FIN | opcode, maskBit | length]);
  if (length < 65536) return Buffer.from([FIN | opcode, maskBit | 126, length >> 8, length & 255]);
  const bytes = Buffer.from([FIN | opcode, maskBit | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}
