import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutAt, fill, hex, join, toHex, utf8 } from "../support/bytes.ts";
import { type Frame, encode } from "../support/frames.ts";
import { cases, seed } from "../support/fuzz.ts";
import { bothRoles, read } from "../support/read-frames.ts";
import type { Call } from "../support/recording-sink.ts";

describe("a fragmented message", () => {
  // shows 6455-5.4-2, 6455-5.4-5
  test("is delivered whole, its fragments in order", () => {
    bothRoles([hex("01 01 61"), hex("00 01 62"), hex("00 01 63"), hex("80 01 64")], [["text", "abcd"]]);
  });

  // shows 6455-5.4-10
  test("has the type of its first fragment", () => {
    bothRoles([hex("02 01 61"), hex("80 01 62")], [["binary", "6162"]]);
    bothRoles([hex("01 01 61"), hex("80 01 62")], [["text", "ab"]]);
  });

  test("may have empty fragments, and may be empty", () => {
    bothRoles([hex("01 00"), hex("00 02 48 69"), hex("00 00"), hex("80 00")], [["text", "Hi"]]);
    bothRoles([hex("02 00"), hex("00 00"), hex("80 00")], [["binary", ""]]);
  });

  test("may have fragments of different forms of length", () => {
    bothRoles(
      [hex("02 7e 00 7e", fill(1, 126)), hex("00 02 02 02"), hex("80 7f 00 00 00 00 00 01 00 00", fill(3, 65_536))],
      [["binary", "01".repeat(126) + "0202" + "03".repeat(65_536)]],
    );
  });

  // shows 6455-6.2-4
  test("is over with its last fragment: the next data frame begins a new one", () => {
    bothRoles(
      [hex("01 01 61"), hex("80 01 62"), hex("82 01 63"), hex("02 01 64"), hex("80 01 65")],
      [
        ["text", "ab"],
        ["binary", "63"],
        ["binary", "6465"],
      ],
    );
  });

  // shows 6455-5.4-3
  test.each(["81 01 62", "82 01 62", "01 01 62", "02 00", "81 7e 01 00"])(
    "is not interrupted by another message: %s",
    (frame) => {
      bothRoles([hex("01 01 61"), hex(frame)], [["fail", "HWS_CONTINUATION_EXPECTED", 1002]]);
    },
  );

  // shows 6455-5.4-12
  test.each(["80 01 62", "00 01 62", "80 00", "00 7e 01 00"])("does not begin with a continuation: %s", (frame) => {
    bothRoles([hex(frame)], [["fail", "HWS_CONTINUATION_UNEXPECTED", 1002]]);
    bothRoles(
      [hex("81 01 61"), hex(frame)],
      [
        ["text", "a"],
        ["fail", "HWS_CONTINUATION_UNEXPECTED", 1002],
      ],
    );
  });

  // shows 6455-5.4-12
  test("does not go on after its end", () => {
    bothRoles(
      [hex("01 01 61"), hex("80 01 62"), hex("80 01 63")],
      [
        ["text", "ab"],
        ["fail", "HWS_CONTINUATION_UNEXPECTED", 1002],
      ],
    );
  });

  // shows 6455-5.4-4
  test("lets control frames through at once, and goes on", () => {
    bothRoles(
      [hex("01 02 48 65"), hex("89 01 70"), hex("00 01 6c"), hex("8a 00"), hex("89 00"), hex("80 02 6c 6f")],
      [
        ["ping", "70"],
        ["pong", ""],
        ["ping", ""],
        ["text", "Hello"],
      ],
    );
  });

  test("is dropped when a close frame comes", () => {
    bothRoles([hex("01 02 48 65"), hex("88 02 03 e8"), hex("80 01 6c")], [["close", 1000, undefined]]);
  });

  test("lets control frames through in the middle of a character", () => {
    bothRoles(
      [hex("01 01 e2"), hex("89 02 ff fe"), hex("00 01 82"), hex("8a 01 80"), hex("80 01 ac")],
      [
        ["ping", "fffe"],
        ["pong", "80"],
        ["text", "\u20ac"],
      ],
    );
  });
});

/** A message and what goes with it: its payload in pieces, and control frames after some of them. */
interface Message {
  readonly opcode: number;
  readonly payload: Uint8Array;
  readonly cuts: readonly number[];
  readonly controls: readonly Frame[];
}

const size = fc.oneof(
  { weight: 8, arbitrary: fc.nat(40) },
  { weight: 1, arbitrary: fc.constantFrom(125, 126, 65_535, 65_536) },
);
const control = fc.record({ opcode: fc.constantFrom(9, 10), payload: fc.uint8Array({ maxLength: 125 }) });
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }).map(utf8),
  size.map((length) => fill(0x61, length)),
);
const binary = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  size.map((length) => fill(0xd7, length)),
);
const message: fc.Arbitrary<Message> = fc
  .oneof(fc.tuple(fc.constant(1), text), fc.tuple(fc.constant(2), binary))
  .chain(([opcode, payload]) =>
    fc.record({
      opcode: fc.constant(opcode),
      payload: fc.constant(payload),
      cuts: fc.array(fc.nat(payload.length), { maxLength: 4 }),
      controls: fc.array(control, { maxLength: 2 }),
    }),
  );

/** The frames of a message: its cuts may fall together, so fragments may be empty. */
function framesOf({ opcode, payload, cuts, controls }: Message): Frame[] {
  const ends = [...cuts].sort((a, b) => a - b);
  const fragments = [...ends, payload.length].map((end, i) => ({
    fin: i === ends.length,
    opcode: i === 0 ? opcode : 0,
    payload: payload.subarray(ends[i - 1] ?? 0, end),
  }));
  return [...fragments.slice(0, 1), ...controls, ...fragments.slice(1)];
}

/** The expected calls. Control frames after the only fragment come after the message. */
function callsOf({ opcode, payload, cuts, controls }: Message): Call[] {
  const call: Call =
    opcode === 1 ? ["text", new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload)] : ["binary", toHex(payload)];
  const between = controls.map((frame): Call => [frame.opcode === 9 ? "ping" : "pong", toHex(frame.payload)]);
  return cuts.length === 0 ? [call, ...between] : [...between, call];
}

describe("any sequence of messages", () => {
  // shows 6455-5.4-11, 6455-5.4-5, 6455-5.4-4
  test("is delivered unchanged, with any fragments and cuts, in both roles", () => {
    const key = fc.option(fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }), { nil: undefined, freq: 2 });
    const cuts = fc.oneof(fc.array(fc.nat(300), { maxLength: 20 }), fc.array(fc.nat(140_000), { maxLength: 20 }));
    const property = fc.property(fc.array(message, { maxLength: 6 }), key, cuts, (messages, maskingKey, cutOffsets) => {
      const stream = join(messages.flatMap(framesOf).map((frame) => encode(frame, maskingKey)));
      const role = maskingKey === undefined ? "client" : "server";
      expect(read(cutAt(stream, cutOffsets), { role })).toEqual(messages.flatMap(callsOf));
    });
    fc.assert(property, { seed, numRuns: cases(1500) });
  });
});
