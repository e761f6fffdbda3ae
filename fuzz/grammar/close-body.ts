import type { Random } from "../engine/random.ts";

/** Codes at the limits of the ranges that may be sent (RFC 6455 7.4). */
const CODES: readonly number[] = [
  0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1100,
  2000, 2999, 3000, 3999, 4000, 4999, 5000, 65_535,
];

/** Valid and invalid UTF-8: overlong forms, surrogates, above U+10FFFF, incomplete characters (RFC 3629). */
export const TEXTS: readonly Buffer[] = [
  ...[
    "",
    "a",
    "bye",
    "going away",
    "κόσμε",
    "日本語",
    "𝄞",
    "\ufeff",
    "\0",
    "\u007f\u0080\u07ff\u0800\uffff\u{10ffff}",
  ].map((text) => Buffer.from(text)),
  ...["80", "bf", "c0 80", "c1 bf", "c2", "df bf 80", "e0 80 80", "e0 a0", "ed a0 80", "ed 9f bf", "ef bb bf"].map(
    bytesOf,
  ),
  ...[
    "f0 80 80 80",
    "f0 90 80 80",
    "f0 9d 84",
    "f4 8f bf bf",
    "f4 90 80 80",
    "f5 80 80 80",
    "fe",
    "ff",
    "ce ba e1 bd b9 cf",
  ].map(bytesOf),
];

/** The body of a close frame: none, one byte, a code, a code and a reason of up to 123 bytes, or one byte more (RFC 6455 5.5.1). */
export function closeBody(random: Random): Buffer {
  const code = Buffer.alloc(2);
  code.writeUInt16BE(random.oneIn(4) ? random.below(65_536) : random.pick(CODES));
  const reason = random.pick(TEXTS);
  const filled = Buffer.concat([reason, Buffer.alloc(Math.max(0, 123 - reason.length), 0x62)]);
  return random.pick([
    Buffer.alloc(0),
    code.subarray(0, 1),
    code,
    Buffer.concat([code, reason]),
    Buffer.concat([code, filled]),
    Buffer.concat([code, filled, Buffer.from("c")]),
  ]);
}

function bytesOf(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(" ", ""), "hex");
}
