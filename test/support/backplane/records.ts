import fc from "fast-check";
import { MessageIds } from "../../../src/backplane/ids.ts";
import { type BackplaneRecord, RecordKind, encodeRecord } from "../../../src/backplane/record.ts";
import type { Bytes } from "../../../src/protocol/bytes.ts";

const ids = new MessageIds();

/** A message of a topic, with an id of its own. */
export function message(payload: string | Uint8Array, id = ids.next()): Bytes {
  return encodeRecord({
    kind: RecordKind.message,
    isBinary: typeof payload !== "string",
    mayCompress: true,
    id,
    key: undefined,
    to: undefined,
    payload: typeof payload === "string" ? payload : bytesOf(payload),
  });
}

/** The same bytes with the platform's string helpers. */
export function bytesOf(array: Uint8Array): Bytes {
  return Buffer.from(array) as unknown as Bytes;
}

/** The bytes as UTF-8. */
export function textOf(bytes: Bytes): string {
  return bytes.utf8Slice(0, bytes.length);
}

const base64url = (length: number) =>
  fc.string({
    unit: fc.constantFrom(...Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")),
    minLength: length,
    maxLength: length,
  });

/** Any id of a message. */
export const anyId = base64url(16);

/** Any epoch. */
export const anyEpoch = base64url(8);

/** Well-formed text, with U+0000 and emoji. */
export const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", "\0", "a\0b", "😀", "é".repeat(100), "x".repeat(300), '{"a":1}'),
);

/** Any name of a topic, by its size. */
const anyTopic = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 10 })
  .filter((text) => Buffer.byteLength(text) <= 255);

const anyTo = fc.record({
  topics: fc.array(anyTopic, { maxLength: 4 }),
  exceptTopics: fc.array(anyTopic, { maxLength: 4 }),
});

const anyFields = {
  kind: fc.constantFrom(...Object.values(RecordKind)),
  mayCompress: fc.boolean(),
  id: anyId,
  key: fc.option(anyText, { nil: undefined }),
  to: fc.option(anyTo, { nil: undefined }),
};
/** Any record. */
export const anyRecord: fc.Arbitrary<BackplaneRecord> = fc.oneof(
  fc.record({ ...anyFields, isBinary: fc.boolean(), payload: anyText }),
  fc.record({
    ...anyFields,
    isBinary: fc.constant(true),
    payload: fc.uint8Array({ maxLength: 60 }).map(bytesOf),
  }),
);

/** Bytes that resemble `valid` ones, or not at all. */
export function garbage(valid: fc.Arbitrary<Bytes>): fc.Arbitrary<Bytes> {
  const changes = fc.array(fc.tuple(fc.nat({ max: 80 }), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
  const changed = fc.tuple(valid, changes, fc.nat({ max: 200 })).map(([bytes, all, length]) => {
    const copy = Buffer.from(bytes).subarray(0, length);
    for (const [at, value] of all) if (at < copy.length) copy[at] = value;
    return copy as unknown as Bytes;
  });
  return fc.oneof(fc.uint8Array({ maxLength: 60 }).map(bytesOf), changed);
}
