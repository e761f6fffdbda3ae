import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import { copy, cutAt, fill, hex, join, utf8 } from "../support/bytes.ts";
import { asClient, encode } from "../support/frames.ts";
import { cases, seed } from "../support/fuzz.ts";
import { read } from "../support/read-frames.ts";
import type { Call } from "../support/recording-sink.ts";
import { type Outcome, readWithWs } from "../support/ws-receiver.ts";

/** The results of both readers for the same chunks. `ours` does not include the failure, which is a separate field. */
interface Both {
  readonly chunks: readonly Uint8Array[];
  readonly options: ReaderOptions;
  readonly ours: readonly Call[];
  readonly failed: Call | undefined;
  readonly theirs: Outcome;
}

interface Difference {
  readonly what: string;
  /** Why ours is right. */
  readonly because: string;
  /** True when the two differ by this, and by nothing else. */
  readonly applies: (both: Both) => boolean;
  /** A stream that shows it, as hexadecimal digits, and who reads it, with a limit of 64 bytes. */
  readonly example: readonly [role: "server" | "client", stream: string];
  /** The results of ours and of ws. */
  readonly makes: readonly [ours: readonly Call[], theirs: Outcome];
}

/** All allowed differences. Any other difference is a defect of one of the readers. */
const differences: readonly Difference[] = [
  {
    what: "a text fails at its first byte that is not UTF-8; ws waits for the message's end",
    because: "RFC 6455 8.1: fail when bytes are found not to be UTF-8; the rest may never come",
    applies: ({ ours, failed, theirs }) =>
      failed?.[1] === "HWS_INVALID_UTF8" &&
      startsWith(theirs.calls, ours) &&
      // Neither reader delivers the text or what follows it, only control frames inside it.
      theirs.calls.slice(ours.length).every(([kind]) => kind !== "text" && kind !== "binary"),
    example: ["client", "01 05 48 ff"],
    makes: [[["fail", "HWS_INVALID_UTF8", 1007]], { calls: [], refused: undefined }],
  },
  {
    what: "a length that is not in its shortest form fails; ws reads it",
    because: "RFC 6455 5.2: the minimal number of bytes MUST be used to encode the length",
    applies: ({ ours, failed, theirs }) => failed?.[1] === "HWS_LENGTH_NOT_MINIMAL" && startsWith(theirs.calls, ours),
    example: ["client", "82 7e 00 01 2a"],
    makes: [[["fail", "HWS_LENGTH_NOT_MINIMAL", 1002]], { calls: [["binary", "2a"]], refused: undefined }],
  },
  {
    what: "a 64-bit length with its highest bit set is 1002; to ws it is a message too big, 1009",
    because: "RFC 6455 5.2: the most significant bit MUST be 0, so it is no length at all",
    applies: ({ ours, failed, theirs }) =>
      failed?.[1] === "HWS_LENGTH_SIGN" && same(theirs.calls, ours) && theirs.refused === 1009,
    example: ["client", "82 7f 80 00 00 00 00 00 00 00"],
    makes: [[["fail", "HWS_LENGTH_SIGN", 1002]], { calls: [], refused: 1009 }],
  },
  {
    what: "a frame is checked by its whole header, and a close frame by its body; ws checks the length before them",
    because: "RFC 6455 5.2: the masking key is part of the header; nothing is read or reserved meanwhile",
    applies: (both) => both.failed === undefined && refusedWithMore(both),
    example: ["server", "82 fe 01 00"],
    makes: [[], { calls: [], refused: 1009 }],
  },
];

function startsWith(calls: readonly Call[], start: readonly Call[]): boolean {
  return same(calls.slice(0, start.length), start);
}

function same(a: readonly Call[], b: readonly Call[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Whether ours refuses, too, once the frame that ws refused has the rest of its header or its one byte of body. */
function refusedWithMore({ chunks, options, ours, theirs }: Both): boolean {
  if (theirs.refused === undefined) return false;
  const judgedEarly = ["HWS_MESSAGE_TOO_BIG", "HWS_LENGTH_NOT_MINIMAL", "HWS_LENGTH_SIGN", "HWS_CLOSE_LENGTH"];
  const longer = readWithBoth([...chunks, fill(0, 5)], options);
  return same(longer.ours, ours) && judgedEarly.includes(String(longer.failed?.[1])) && !isDefect(compare(longer));
}

function readWithBoth(chunks: readonly Uint8Array[], options: ReaderOptions): Both {
  const calls = read(chunks, options);
  const failed = calls.at(-1)?.[0] === "fail" ? calls.at(-1) : undefined;
  const ours = failed === undefined ? calls : calls.slice(0, -1);
  return { chunks, options, ours, failed, theirs: readWithWs(chunks, options) };
}

/** "same", the number of the documented difference, or, for a defect, what each of them did. */
function compare(both: Both): string {
  const { ours, failed, theirs } = both;
  if (same(ours, theirs.calls) && failed?.[2] === theirs.refused) return failed === undefined ? "same" : "both refuse";
  const number = differences.findIndex(({ applies }) => applies(both));
  return number < 0 ? JSON.stringify({ ours, failed, theirs }) : `difference ${number}`;
}

function isDefect(verdict: string): boolean {
  return !/^(same|both refuse|difference \d+)$/.test(verdict);
}

const key = [0x91, 0x02, 0x7f, 0xe4];

/** Text that is valid, or that a changed byte made invalid. */
const text = fc.oneof(
  { weight: 20, arbitrary: fc.string({ unit: "binary", maxLength: 30 }).map(utf8) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 20 }), fc.nat(255))
      .map(([valid, byte]) => {
        const bytes = utf8(valid);
        bytes[byte % bytes.length] = byte;
        return bytes;
      }),
  },
);
const bytes = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom(125, 126, 127, 300).map((length) => fill(0x62, length)) },
);

/** A message in one to three fragments, with a control frame after the first of them. */
const message = fc
  .tuple(
    fc.oneof(
      fc.tuple(fc.constant(1), fc.array(text, { minLength: 1, maxLength: 3 })),
      fc.tuple(fc.constant(2), fc.array(bytes, { minLength: 1, maxLength: 3 })),
    ),
    fc.option(controlFrame()),
  )
  .map(([[opcode, parts], control]) => {
    const fragments = parts.map((payload, i) =>
      encode({ fin: i === parts.length - 1, opcode: i === 0 ? opcode : 0, payload }),
    );
    return control === null ? fragments : [fragments[0]!, control, ...fragments.slice(1)];
  });

/** The beginning of any frame at all, and some bytes. */
const anything = fc
  .tuple(fc.nat(255), fc.nat(127), fc.uint8Array({ maxLength: 12 }))
  .map(([first, second, rest]) => [hex(Uint8Array.of(first, second), rest)]);

const frames = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: message },
      { weight: 6, arbitrary: controlFrame().map((frame) => [frame]) },
      { weight: 1, arbitrary: anything },
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((groups) => groups.flat());

function controlFrame(): fc.Arbitrary<Uint8Array> {
  const code = fc.oneof(fc.constantFrom(1000, 1001, 1005, 1014, 1015, 3000, 4999, 5000), fc.nat(65_535));
  const body = fc.tuple(code, text).map(([number, reason]) => hex(Uint8Array.of(number >>> 8, number & 0xff), reason));
  const rare = fc
    .oneof(body, fc.constant(hex("")), fc.constant(hex("03")))
    .map((bytes) => encode({ opcode: 8, payload: bytes }));
  const common = fc
    .tuple(fc.constantFrom(9, 10), fc.uint8Array({ maxLength: 125 }))
    .map(([opcode, bytes]) => encode({ opcode, payload: bytes }));
  return fc.oneof({ weight: 9, arbitrary: common }, { weight: 1, arbitrary: rare });
}

/** A change of a stream: the frame and the way. */
const mutation = fc.tuple(
  fc.constantFrom("flip", "flip", "flip head", "flip head", "cut", "twice", "swap", "drop", "wide"),
  fc.nat(),
  fc.nat(),
);

function mutate(list: readonly Uint8Array[], [kind, which, how]: [string, number, number]): Uint8Array[] {
  const result: Uint8Array[] = list.map(copy);
  if (result.length === 0) return result;
  const i = which % result.length;
  const frame = result[i]!;
  if (kind.startsWith("flip")) flip(frame, kind === "flip" ? frame.length : Math.min(frame.length, 14), how);
  if (kind === "cut") result[i] = frame.subarray(0, how % (frame.length + 1));
  if (kind === "twice") result.splice(i, 0, frame);
  if (kind === "swap") result.push(...result.splice(i, 1));
  if (kind === "drop") result.splice(i, 1);
  if (kind === "wide") result[i] = widen(frame, how);
  return result;
}

function flip(frame: Uint8Array, within: number, how: number): void {
  const at = Math.floor(how / 8) % Math.max(1, within);
  if (at < frame.length) frame[at]! ^= 1 << (how % 8);
}

/** A frame that is not masked, with a 64-bit length that differs from its own by a bit. */
function widen(frame: Uint8Array, how: number): Uint8Array {
  const short = frame[1];
  if (short === undefined || short > 125) return frame;
  const length = new DataView(new ArrayBuffer(8));
  const bit = [0, 3, 7, 16, 31, 32, 52, 53, 62, 63][how % 10]!;
  length.setBigUint64(0, BigInt(short) ^ (1n << BigInt(bit)));
  return hex(Uint8Array.of(frame[0]!, 127), new Uint8Array(length.buffer), frame.subarray(2));
}

describe("the reader and that of the ws package", () => {
  test("give the same results for the same bytes, or both refuse with the same close code, except for the listed differences", () => {
    const seen = new Map<string, number>();
    const property = fc.property(
      frames,
      fc.array(mutation, { maxLength: 2 }),
      fc.option(mutation, { freq: 3 }),
      fc.constantFrom("server" as const, "client" as const),
      fc.constantFrom(64, 1000, 70_000),
      fc.array(fc.nat(600), { maxLength: 8 }),
      fc.option(fc.nat(14), { freq: 2 }),
      (list, mutations, last, role, maxMessageSize, cuts, left) => {
        const mutated = mutations.reduce<readonly Uint8Array[]>(mutate, list);
        const sent = role === "client" ? mutated : mutated.map((frame) => asClient(frame, key));
        // The last byte is masked: it may be a byte of the key.
        const hit = last === null ? sent : mutate(sent, last);
        // Some streams end inside the header of their last frame.
        const stream = join(left === null ? hit : [...hit.slice(0, -1), hit.at(-1)?.subarray(0, left) ?? hex("")]);
        const verdict = compare(readWithBoth(cutAt(stream, cuts), { role, maxMessageSize }));
        seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
        expect(isDefect(verdict), verdict).toBe(false);
      },
    );
    fc.assert(property, { seed, numRuns: cases(4000) });
    // Each listed difference must occur; and a test that refuses everything, or nothing, shows little.
    for (const number of differences.keys()) expect(seen.get(`difference ${number}`) ?? 0).toBeGreaterThan(0);
    expect(seen.get("same") ?? 0).toBeGreaterThan(1000);
    expect(seen.get("both refuse") ?? 0).toBeGreaterThan(1000);
  });

  test.each(differences)("differ: $what", ({ example: [role, stream], makes, applies }) => {
    const options = { role, maxMessageSize: 64 };
    expect([read([hex(stream)], options), readWithWs([hex(stream)], options)]).toEqual(makes);
    expect(applies(readWithBoth([hex(stream)], options))).toBe(true);
  });
});
