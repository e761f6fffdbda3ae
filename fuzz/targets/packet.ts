import { decodePacket, historyPacket, plainPacket, probePacket } from "../../src/backplane/packet.ts";
import { type DecodedRecord, RECORD_HEADER_SIZE, decodeRecord, encodeRecord } from "../../src/backplane/record.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import { type Mutator, type RunContext, type Target, holds } from "../engine/target.ts";

/** The length to which an input is repeated before its steps are counted. */
const LONG = 4096;

/** Steps that may be taken for each byte, and for any input. */
const STEPS = 20;
const FIXED_STEPS = 1_000;

/** The decoder of what comes from a broker: what it takes is what the encoder writes, and everything else is none of ours. */
export const packet: Target = {
  name: "packet",
  notation: "hex",
  maxLength: 512,
  batch: 1,
  mutators: [mutateLength, mutateLength, mutateHead],
  run(input, context) {
    checkPacket(input);
    checkSteps(input, context);
  },
};

function checkPacket(input: Buffer): void {
  const decoded = decodePacket(asBytes(input));
  if (decoded === undefined) return;
  const { history, records } = decoded;
  let again = history === undefined ? plainPacket(records) : historyPacket(history, records);
  if (records.length === 0) again = probePacket();
  holds(Buffer.from(again).equals(input), "a packet changes when it is decoded and encoded again", { history });
  for (const bytes of records) {
    holds(bytes.length >= RECORD_HEADER_SIZE, "a packet has a record that is shorter than the header of one", {
      history,
    });
    const record = decodeRecord(bytes);
    if (record !== undefined) checkRecord(record, Buffer.from(bytes));
  }
}

function checkRecord(record: DecodedRecord, bytes: Buffer): void {
  const { payload, isBinary, key, to } = record;
  holds(isBinary || isText(payload), "a text is delivered that is no UTF-8", { size: payload.length });
  const topics = [...(to?.topics ?? []), ...(to?.exceptTopics ?? [])];
  holds(!topics.includes(""), "a broadcast has a topic without a name", { topics });
  const names = [...(key === undefined ? [] : [key]), ...topics];
  // What is no UTF-8 in a name was replaced.
  if (names.some((name) => name.includes("\ufffd"))) return;
  holds(Buffer.from(encodeRecord(record)).equals(bytes), "a record changes when it is decoded and encoded again", {
    names,
  });
}

function isText(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** A decoder that is not linear takes thousands of steps for each byte. */
function checkSteps(input: Buffer, { steps }: RunContext): void {
  if (steps === undefined || input.length === 0) return;
  const long = Buffer.concat(Array.from({ length: Math.ceil(LONG / input.length) }, () => input));
  const taken = steps(() => void decodePacket(asBytes(long))?.records.map(decodeRecord));
  const allowed = FIXED_STEPS + STEPS * long.length;
  holds(taken <= allowed, "the number of steps to decode a packet is not linear in its length", { taken, allowed });
}

/** Writes a length somewhere: one that fits, or nearly, or a very large one. */
function mutateLength(...[input, random]: Parameters<Mutator>): Buffer {
  const bytes = Buffer.from(input);
  if (bytes.length < 4) return Buffer.alloc(4, bytes[0]);
  const at = random.below(bytes.length - 3);
  const left = bytes.length - at - 4;
  bytes.writeUInt32BE(random.pick([0, 1, left, left + 1, Math.max(0, left - 1), 0xffff_ffff]), at);
  return bytes;
}

/** Changes the version, the kind or the flags, of the packet or of a record. */
function mutateHead(...[input, random]: Parameters<Mutator>): Buffer {
  const bytes = Buffer.from(input);
  if (bytes.length === 0) return Buffer.of(0x11);
  bytes[random.oneIn(2) ? 0 : random.below(bytes.length)] = random.pick([
    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x21, 0, 1, 2, 4, 8, 15, 16,
  ]);
  return bytes;
}
