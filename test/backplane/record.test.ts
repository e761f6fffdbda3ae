import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MessageIds } from "../../src/backplane/ids.ts";
import { RecordKind, type DecodedRecord, decodeRecord, encodeRecord, recordId } from "../../src/backplane/record.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { anyRecord, bytesOf, garbage, message, textOf } from "../support/backplane/records.ts";
import { cases, seed } from "../support/fuzz.ts";

const id = new MessageIds("node-_00").next();

/** What can be compared: the payload as an array of numbers. */
function plain(record: Omit<DecodedRecord, "payload"> & { readonly payload: string | Bytes }) {
  return { ...record, payload: [...Buffer.from(record.payload as string)] };
}

test.each([
  ["a text", "hello"],
  ["an empty text", ""],
  ["U+0000", "\0"],
  ["U+0000 in a text", "a\0b"],
  ["emoji", "😀 👩‍👩‍👧"],
  ["1 MiB", "x".repeat(1024 * 1024)],
  ["1 MiB of emoji", "😀".repeat(256 * 1024)],
])("%s is the same after it was encoded", (_what, payload) => {
  const record = decodeRecord(message(payload, id))!;
  expect(textOf(record.payload) === payload).toBe(true);
  expect({ ...record, payload: "" }).toEqual({
    kind: RecordKind.message,
    isBinary: false,
    mayCompress: true,
    id,
    key: undefined,
    to: undefined,
    payload: "",
  });
});

test("bytes are the same, and the payload is a view of the record", () => {
  const record = message(Uint8Array.of(0, 255, 128, 10), id);
  const { payload, isBinary } = decodeRecord(record)!;
  expect([isBinary, [...payload]]).toEqual([true, [0, 255, 128, 10]]);
  expect(payload.buffer).toBe(record.buffer);
  expect([...decodeRecord(message(new Uint8Array(0)))!.payload]).toEqual([]);
});

test("half of a surrogate pair becomes U+FFFD, as in every text that is sent", () => {
  expect(textOf(decodeRecord(message("a\ud800b"))!.payload)).toBe("a\ufffdb");
});

test("the header has 14 bytes", () => {
  const record = message("hi", id);
  expect([...record.subarray(0, 2)]).toEqual([0x10, 0]);
  expect([record.length, recordId(record)]).toEqual([16, id]);
});

test("any record is the same after it was encoded", () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const decoded = decodeRecord(encodeRecord(record));
      expect(decoded && plain(decoded)).toEqual(plain(record));
    }),
    { numRuns: cases(2_000), seed },
  );
});

test("a record that is not kept has the same bytes, in memory that it may share", () => {
  const fields = { kind: RecordKind.message, isBinary: false, mayCompress: true, id, key: "k", to: undefined };
  const [kept, notKept] = [true, false].map((isKept) => encodeRecord({ ...fields, payload: "hello" }, isKept));
  expect([...notKept!]).toEqual([...kept!]);
  expect(kept!.buffer.byteLength).toBe(kept!.length);
  expect(notKept!.buffer.byteLength).toBeGreaterThan(notKept!.length);
});

test("a key may be long, and there may be many topics", () => {
  const topics = Array.from({ length: 70_000 }, (_, i) => `topic ${i}`);
  const fields = { kind: RecordKind.broadcast, isBinary: false, mayCompress: false, id, payload: "p" };
  const to = { topics, exceptTopics: ["é".repeat(127)] };
  const decoded = decodeRecord(encodeRecord({ ...fields, key: "k".repeat(70_000), to }))!;
  expect([decoded.key, decoded.to, textOf(decoded.payload)]).toEqual(["k".repeat(70_000), to, "p"]);
});

test("a topic that is too long for a record is not cut", () => {
  const to = { topics: ["a".repeat(256)], exceptTopics: [] };
  const fields = { kind: RecordKind.broadcast, isBinary: false, mayCompress: false, id, payload: "p" };
  expect(() => encodeRecord({ ...fields, key: undefined, to })).toThrow(RangeError);
});

test("a broadcast with a topic that has no name is none of ours", () => {
  const fields = { kind: RecordKind.broadcast, isBinary: false, mayCompress: false, id, key: undefined, payload: "p" };
  for (const to of [
    { topics: ["", "a"], exceptTopics: [] },
    { topics: [], exceptTopics: [""] },
  ])
    expect(decodeRecord(encodeRecord({ ...fields, to }))).toBeUndefined();
});

test("a record that is cut is none, or has a payload that is cut", () => {
  fc.assert(
    fc.property(anyRecord, (fields) => {
      const record = encodeRecord(fields);
      const whole = plain(decodeRecord(record)!);
      for (let length = 0; length < record.length; length++) {
        const cut = decodeRecord(record.subarray(0, length));
        const missing = record.length - length;
        const payload = whole.payload.slice(0, -missing);
        const isText = whole.isBinary || isUtf8(Uint8Array.from(payload));
        if (missing > whole.payload.length || !isText) expect(cut).toBeUndefined();
        else expect(cut && plain(cut)).toEqual({ ...whole, payload });
      }
    }),
    { numRuns: cases(100), seed },
  );
});

test("another version, an unknown kind and unknown flags are none of ours", () => {
  const record = message("hi", id);
  const change = (at: number, value: number) => {
    const copy = Buffer.from(record);
    copy[at] = value;
    return decodeRecord(bytesOf(copy));
  };
  for (let first = 0; first < 256; first++) expect(change(0, first) !== undefined).toBe(first >= 0x10 && first <= 0x14);
  for (let flags = 16; flags < 256; flags++) expect(change(1, flags)).toBeUndefined();
});

test("any bytes are none of ours, or a record that is the same when it is encoded again", () => {
  let read = 0;
  fc.assert(
    fc.property(garbage(anyRecord.map(encodeRecord)), (bytes) => {
      const record = decodeRecord(bytes);
      if (record === undefined) return;
      read++;
      // Keys and topics that are not UTF-8 become other text.
      const again = decodeRecord(encodeRecord(record));
      expect(again && plain(again)).toEqual(plain(record));
    }),
    { numRuns: cases(20_000), seed },
  );
  expect(read).toBeGreaterThan(1_000);
});

test("a text that is no UTF-8 is none of ours; bytes may be anything", () => {
  const record = message("abc", id);
  record[record.length - 1] = 0xff;
  expect(decodeRecord(record)).toBeUndefined();
  record[1] = 1;
  expect(decodeRecord(record)?.isBinary).toBe(true);
});
