import { constants, deflateRawSync } from "node:zlib";
import { createDeflater, setZlibWay, sharedInflater } from "../../src/compression/zlib.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import type { Random } from "../engine/random.ts";
import { type Target, holds } from "../engine/target.ts";
import { type Verdict, compareWithWs, endsInside } from "./inflate/oracle.ts";

/** The limits for a message, which the first byte of an input chooses from. The rest of the input is the payload. */
const LIMITS: readonly number[] = [65_536, 0, 1, 4, 5, 63, 64, 1000, 16_384, 16_385, 1_000_000];

/** A payload that is valid: "Hello" (RFC 7692 7.2.3.1). */
const HELLO = asBytes(Buffer.from("f248cdc9c90700", "hex"));

/**
 * The two ways to decompress a message, and `ws`: they read the same message, or all refuse it, within the limit. The same bytes
 * as a message are compressed and read back.
 */
export const inflate: Target = {
  name: "inflate",
  notation: "hex",
  maxLength: 4096,
  batch: 8,
  mutators: [compress, compress, addBlock, addBlock, changeLimit],
  async run(input) {
    const limit = LIMITS[(input[0] ?? 0) % LIMITS.length] ?? 0;
    const payload = input.subarray(1);
    try {
      const kept = read("kept", payload, limit);
      const oneShot = read("one-shot", payload, limit);
      // A payload may be wrong in two ways, and each way of reading notices one of them first.
      const same =
        typeof kept === "string"
          ? typeof oneShot === "string" || endsInside(payload)
          : oneShot instanceof Buffer && kept.equals(oneShot);
      holds(same, "a kept handle and zlib's functions read different messages", [kept, oneShot].map(shown));
      await compareWithWs(payload, limit, kept);
      for (const way of ["kept", "one-shot"] as const) checkRoundTrip(way, payload, input[0] ?? 0);
    } finally {
      setZlibWay(undefined);
    }
  },
};

/** Reads a payload from the middle of other memory. */
function read(way: "kept" | "one-shot", payload: Buffer, limit: number): Verdict {
  setZlibWay(way);
  const memory = Buffer.concat([Buffer.from("before"), payload, Buffer.from("after")]);
  const message = sharedInflater.inflate(asBytes(memory), 6, 6 + payload.length, limit);
  const result = typeof message === "string" ? message : Buffer.from(message);
  holds(memory.subarray(6, 6 + payload.length).equals(payload), "the payload was changed");
  holds(memory.subarray(6 + payload.length).toString() === "after", "memory after the payload was changed");
  holds(result.length <= limit || typeof result === "string", "a message is larger than its limit", result.length);
  holds(
    typeof result !== "string" || result === "HWS_INVALID_COMPRESSION" || result === "HWS_MESSAGE_TOO_BIG",
    "an error has another code",
    result,
  );
  const next = sharedInflater.inflate(HELLO, 0, HELLO.length, 5);
  holds(
    typeof next !== "string" && Buffer.from(next).toString() === "Hello",
    "the inflater does not read the next message",
  );
  return result;
}

function checkRoundTrip(way: "kept" | "one-shot", message: Buffer, choice: number): void {
  setZlibWay(way);
  const deflater = createDeflater({ level: choice % 10, memLevel: 1 + (choice % 9), windowBits: 9 + (choice % 7) });
  try {
    for (let i = 0; i < 2; i++) {
      const blocks = deflater.deflate(asBytes(message), 0, message.length);
      const back = sharedInflater.inflate(blocks, 0, blocks.length, message.length);
      holds(typeof back !== "string" && message.equals(back), "a message is not read back as it was compressed");
      deflater.reset();
    }
  } finally {
    deflater.close();
  }
}

function shown(verdict: Verdict): string {
  return typeof verdict === "string" ? verdict : verdict.subarray(0, 100).toString("hex");
}

/** Replaces the payload by what a sender makes of it. */
function compress(input: Buffer, random: Random): Buffer {
  const message = Buffer.concat(Array.from({ length: random.between(1, 3) }, () => input.subarray(1)));
  const blocks = deflateRawSync(message, {
    level: random.below(10),
    memLevel: random.between(1, 9),
    windowBits: random.between(9, 15),
    strategy: random.below(5),
    finishFlush: random.oneIn(4) ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
  });
  return Buffer.concat([input.subarray(0, 1), random.oneIn(3) ? blocks : blocks.subarray(0, -4)]);
}

/** Blocks that change nothing, or end the data. */
const BLOCKS = ["00", "000000ffff", "010000ffff", "0200", "0300", "0000ffff", "01010 0feff61", "00010 0feff61"].map(
  (text) => Buffer.from(text.replaceAll(" ", ""), "hex"),
);

/** Adds a block at the end, at the start, or anywhere. */
function addBlock(input: Buffer, random: Random): Buffer {
  const at = random.pick([input.length, 1, random.between(1, Math.max(1, input.length))]);
  return Buffer.concat([input.subarray(0, at), random.pick(BLOCKS), input.subarray(at)]);
}

function changeLimit(input: Buffer, random: Random): Buffer {
  return Buffer.concat([random.bytes(1), input.subarray(1)]);
}
