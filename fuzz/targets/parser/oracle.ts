import type { ReaderOptions } from "../../../src/protocol/reader-rules.ts";
import type { Call } from "../../../test/support/recording-sink.ts";
import { readWithWs } from "../../../test/support/ws-receiver.ts";
import { InvariantError } from "../../engine/target.ts";
import { type WireFrame, parseFrames } from "../../grammar/frames.ts";

/**
 * Codes with which our reader refuses streams that `ws` accepts (RFC 6455 8.1 and 5.2, and a limit that is larger there), and
 * whether the stream has such an error.
 */
const STRICTER: Readonly<Record<string, (frames: readonly WireFrame[]) => boolean>> = {
  HWS_INVALID_UTF8: (frames) => !isAllUtf8(frames),
  HWS_LENGTH_NOT_MINIMAL: (frames) =>
    frames.some(({ form, claimed }) => claimed < (form === 8 ? 65_536n : form === 2 ? 126n : 0n)),
  HWS_TOO_MANY_FRAGMENTS: (frames) => frames.filter(({ first }) => first < 0x80 || (first & 15) === 0).length > 16_384,
};

/** Whether all texts and close reasons are valid UTF-8. An incomplete text may end inside a character. */
function isAllUtf8(frames: readonly WireFrame[]): boolean {
  let decoder: TextDecoder | undefined;
  try {
    for (const { first, payload } of frames) {
      const opcode = first & 15;
      if (opcode === 8) new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(2));
      if (opcode === 1 || opcode === 2) decoder = opcode === 1 ? new TextDecoder("utf-8", { fatal: true }) : undefined;
      // As a part of a stream: the rest of a character may be in the next frame.
      if (opcode < 2) decoder?.decode(payload, { stream: true });
      if (opcode < 2 && first >= 0x80 && frames.at(-1)?.payload !== payload) decoder?.decode();
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * Compares what our reader reads from a stream with what the receiver of the `ws` package reads. They may differ only in
 * the cases that `test/protocol/frame-reader.differential.test.ts` lists with reasons.
 *
 * @param readLonger what our reader reads if more bytes follow the stream
 */
export function compareWithWs(
  stream: Buffer,
  options: ReaderOptions,
  ours: readonly Call[],
  readLonger: (more: Buffer) => readonly Call[],
): void {
  const theirs = withoutStacks(() => readWithWs([stream], options));
  const failure = failureOf(ours);
  const calls = failure === undefined ? ours : ours.slice(0, -1);
  if (failure === undefined) {
    if (theirs.refused === undefined ? same(calls, theirs.calls) : isCheckedLater(calls, theirs.calls, readLonger))
      return;
  } else {
    const [, code, closeCode] = failure;
    if (same(calls, theirs.calls) && theirs.refused === closeCode) return;
    if (STRICTER[code]?.(parseFrames(stream).frames) === true && same(calls, theirs.calls.slice(0, calls.length)))
      return;
    // Our reader refuses a 64-bit length whose highest bit is set. To ws it is the length of a message that is too big.
    if (code === "HWS_LENGTH_SIGN" && same(calls, theirs.calls) && theirs.refused === 1009) return;
  }
  throw new InvariantError("our reader and ws read different messages", { ours, theirs });
}

/** Our reader waits for the whole header of a frame, and for the body of a close frame; ws checks the length before that. */
function isCheckedLater(
  ours: readonly Call[],
  theirs: readonly Call[],
  readLonger: (more: Buffer) => readonly Call[],
): boolean {
  const longer = readLonger(Buffer.alloc(14));
  return same(ours, theirs) && failureOf(longer) !== undefined && same(longer.slice(0, -1), ours);
}

/** Without stack traces, which cost as much time as the rest. */
function withoutStacks<T>(read: () => T): T {
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
