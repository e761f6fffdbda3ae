import * as ws from "ws";
import { hasFlush } from "../../../src/compression/sync-flush.ts";
import { asBytes } from "../../../src/protocol/bytes.ts";
import { constants, inflateRawSync } from "node:zlib";
import { holds } from "../../engine/target.ts";

/** A message, or the code of the error. */
export type Verdict = Buffer | string;

/** The part of `ws` that decompresses, which its types do not have. */
interface WsInflater {
  accept(configurations: object[]): unknown;
  decompress(payload: Buffer, fin: boolean, done: (error: Error | null, message?: Buffer) => void): void;
  cleanup(): void;
}
const { PerMessageDeflate } = ws as unknown as { PerMessageDeflate: new (options: object) => WsInflater };

/** What `ws` reads: the message, 1009 for one that is too big, or 1007 for data that is not DEFLATE. */
export async function readWithWs(payload: Buffer, limit: number): Promise<Buffer | number> {
  // 0 is no limit to ws.
  const inflater = new PerMessageDeflate({ isServer: true, maxPayload: limit });
  inflater.accept([{ client_no_context_takeover: [true] }]);
  try {
    return await new Promise((resolve) => {
      inflater.decompress(payload, true, (error, message) => {
        // ws makes 1009 of an error with its own code, and 1007 of any other.
        if (error === null) resolve(message ?? Buffer.alloc(0));
        else resolve("code" in error && error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" ? 1009 : 1007);
      });
    });
  } finally {
    inflater.cleanup();
  }
}

/**
 * Compares what our inflater has read with what `ws` reads. They may differ in two cases. `ws` ignores what follows a block with
 * BFINAL set: RFC 7692 7.2.1 says that the next block is there. And `ws` delivers the first part of a message that ends inside a block.
 */
export async function compareWithWs(payload: Buffer, limit: number, ours: Verdict): Promise<void> {
  const theirs = await readWithWs(payload, Math.max(1, limit));
  const shown = (one: Buffer | string | number): string => (one instanceof Buffer ? one.toString("hex") : String(one));
  const detail = { ours: shown(ours), theirs: shown(theirs) };
  if (ours instanceof Buffer) {
    if (goesOn(payload)) {
      holds(
        theirs instanceof Buffer && ours.subarray(0, theirs.length).equals(theirs),
        "ws reads another beginning",
        detail,
      );
    } else holds(theirs instanceof Buffer && theirs.equals(ours), "ws reads another message", detail);
  } else if (theirs instanceof Buffer) {
    const isAllowed = goesOn(payload) || endsInside(payload) || isIncomplete(payload) || theirs.length > limit;
    holds(isAllowed, "ws reads a message that we refuse", detail);
  }
}

/** Whether bytes come out of the four that were removed: the payload, or its last part, ends inside a block. */
export function endsInside(payload: Buffer): boolean {
  const flushed = inflated(Buffer.concat([lastPart(payload), Buffer.from([0, 0, 0xff, 0xff])]));
  return (flushed?.message.length ?? 0) > (inflated(lastPart(payload))?.message.length ?? 0);
}

/** Whether more follows a block with BFINAL set. */
function goesOn(payload: Buffer): boolean {
  return lastPart(payload) !== payload;
}

/** What follows the last block with BFINAL set that has something after it. */
function lastPart(payload: Buffer): Buffer {
  const read = inflated(payload)?.read ?? 0;
  return read > 0 && read < payload.length ? lastPart(payload.subarray(read)) : payload;
}

/**
 * Whether the payload, with the four bytes that were removed, ends inside a block: then a last block after it is not read as one, or
 * the data ends before it.
 */
function isIncomplete(payload: Buffer): boolean {
  const flush = hasFlush(asBytes(payload), 0, payload.length) ? [] : [0, 0, 0xff, 0xff];
  const whole = Buffer.concat([payload, Buffer.from([...flush, 1, 0, 0, 0xff, 0xff])]);
  const read = inflated(whole, constants.Z_FINISH)?.read;
  return read !== payload.length && read !== whole.length;
}

/** What zlib reads, and how much of the data; undefined if it is not DEFLATE, or incomplete and must not be. */
function inflated(data: Buffer, finishFlush = constants.Z_SYNC_FLUSH): { message: Buffer; read: number } | undefined {
  try {
    const result: unknown = inflateRawSync(data, { info: true, finishFlush });
    const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } };
    return { message: buffer, read: engine.bytesWritten };
  } catch {
    return undefined;
  }
}
