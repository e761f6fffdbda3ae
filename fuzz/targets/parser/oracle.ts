import type { ReaderOptions } from "../../../src/protocol/reader-rules.ts";
import type { Call } from "../../../test/support/recording-sink.ts";
import { readWithWs } from "../../../test/support/ws-receiver.ts";
import { Broken } from "../../engine/target.ts";
import { type WireFrame, parseFrames } from "../../grammar/frames.ts";

/**
 * Codes with which ours refuses what `ws` reads on (RFC 6455 8.1 and 5.2, and a limit that is out of the way there), and
 * whether there is such a thing in the stream.
 */
const STRICTER: Readonly<Record<string, (frames: readonly WireFrame[]) => boolean>> = {
  HWS_INVALID_UTF8: (frames) => !isAllUtf8(frames),
  HWS_LENGTH_NOT_MINIMAL: (frames) =>
    frames.some(({ form, claimed }) => claimed < (form === 8 ? 65_536n : form === 2 ? 126n : 0n)),
  HWS_TOO_MANY_FRAGMENTS: (frames) => frames.filter(({ first }) => first < 0x80 || (first & 15) === 0).length > 16_384,
};

/** Whether all texts and reasons are UTF-8 as far as they are there; a character may be cut off at the end. */
function isAllUtf8(frames: readonly WireFrame[]): boolean {
  let decoder: TextDecoder | undefined;
  try {
    for (const { first, payload } of frames) {
      const opcode = first & 15;
      if (opcode === 8) new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(2));
      if (opcode === 1 || opcode === 2) decoder = opcode === 1 ? new TextDecoder("utf-8", { fatal: true }) : undefined;
      // Never as the last piece: what is missing may be in the next one.
      if (opcode < 2) decoder?.decode(payload, { stream: true });
      if (opcode < 2 && first >= 0x80 && frames.at(-1)?.payload !== payload) decoder?.decode();
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * Holds what our reader made of a stream against what the receiver of the `ws` package makes of it. They may differ in
 * what `test/protocol/frame-reader.differential.test.ts` lists with reasons, and in nothing else.
 *
 * @param readOn what ours makes of the stream with some bytes behind it
 */
export function compareWithWs(
  stream: Buffer,
  options: ReaderOptions,
  ours: readonly Call[],
  readOn: (more: Buffer) => readonly Call[],
): void {
  const theirs = quietly(() => readWithWs([stream], options));
  const failure = failureOf(ours);
  const calls = failure === undefined ? ours : ours.slice(0, -1);
  if (failure === undefined) {
    if (theirs.refused === undefined ? same(calls, theirs.calls) : isJudgedLater(calls, theirs.calls, readOn)) return;
  } else {
    const [, code, closeCode] = failure;
    if (same(calls, theirs.calls) && theirs.refused === closeCode) return;
    if (STRICTER[code]?.(parseFrames(stream).frames) === true && same(calls, theirs.calls.slice(0, calls.length)))
      return;
    // A 64-bit length with its highest bit set is no length at all; to ws it is a message too big.
    if (code === "HWS_LENGTH_SIGN" && same(calls, theirs.calls) && theirs.refused === 1009) return;
  }
  throw new Broken("ours and ws read differently", { ours, theirs });
}

/** Ours judges a frame by its whole header, and a close frame by its body; ws judges the length before them. */
function isJudgedLater(
  ours: readonly Call[],
  theirs: readonly Call[],
  readOn: (more: Buffer) => readonly Call[],
): boolean {
  const longer = readOn(Buffer.alloc(14));
  return same(ours, theirs) && failureOf(longer) !== undefined && same(longer.slice(0, -1), ours);
}

/** Without stacks, which cost as much as all the rest. */
function quietly<T>(read: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return read();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function failureOf(calls: readonly Call[]): Extract<Call, readonly ["fail", ...unknown[]]> | undefined {
  const last = calls.at(-1);
  return last?.[0] === "fail" ? last : undefined;
}

/** Whether two lists of calls are the same. */
export function same(a: readonly Call[], b: readonly Call[]): boolean {
  return a.length === b.length && JSON.stringify(a) === JSON.stringify(b);
}
