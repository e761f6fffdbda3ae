import { randomBytes } from "node:crypto";
import { constants, inflateRawSync } from "node:zlib";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";

/** The bytes that a sender removes from the end of a sync flush (RFC 7692 7.2.1). */
export const FLUSH = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** A JSON text of about this many bytes, as an exchange sends it. */
export function json(size: number): Bytes {
  const trades: unknown[] = [];
  for (let i = 0, length = 2; length < size; i++) {
    const trade = { id: 7919 * i, symbol: "BTC-EUR", price: (30_000 + i * 13.37).toFixed(2), buy: i % 3 === 0 };
    length += JSON.stringify(trade).length + 1;
    trades.push(trade);
  }
  return asBytes(Buffer.from(JSON.stringify(trades).slice(0, size)));
}

/** Bytes that DEFLATE cannot make smaller. */
export function noise(size: number): Bytes {
  return asBytes(randomBytes(size));
}

/** Bytes given in hexadecimal notation; spaces are allowed. */
export function hex(text: string): Bytes {
  return asBytes(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

/** The message that zlib's public functions read from the payload of a message. */
export function readBack(payload: Uint8Array): Buffer {
  return inflateRawSync(Buffer.concat([payload, FLUSH]), { finishFlush: constants.Z_SYNC_FLUSH });
}
