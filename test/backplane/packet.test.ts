import fc from "fast-check";
import { expect, test } from "vitest";
import { NO_ID } from "../../src/backplane/ids.ts";
import {
  type DecodedPacket,
  PacketKind,
  decodePacket,
  historyPacket,
  plainPacket,
  probePacket,
} from "../../src/backplane/packet.ts";
import { encodeRecord } from "../../src/backplane/record.ts";
import { anyEpoch, anyId, anyRecord, bytesOf, garbage, message } from "../support/backplane/records.ts";
import { cases, seed } from "../support/fuzz.ts";

const head = { epoch: "abcd-_12", first: 7, before: "0123456789abcdef" };

const records = fc.array(anyRecord.map(encodeRecord), { minLength: 1, maxLength: 4 });
const heads = fc.record({ epoch: anyEpoch, first: fc.integer({ min: 1, max: 2 ** 48 - 1 }), before: anyId });
const packets = fc.oneof(
  records.map(plainPacket),
  fc.tuple(heads, records).map(([one, all]) => historyPacket(one, all)),
  fc.constant(probePacket()),
);

/** What can be compared. */
function plain(packet: DecodedPacket | undefined) {
  return packet && { ...packet, records: packet.records.map((record) => [...record]) };
}

test("a plain packet has its records, which are views of it", () => {
  const [one, two] = [message("one"), message("")];
  const packet = plainPacket([one, two]);
  expect([packet[0], packet.length]).toEqual([0x11, 1 + 4 + one.length + 4 + two.length]);
  const decoded = decodePacket(packet)!;
  expect(plain(decoded)).toEqual({ history: undefined, records: [[...one], [...two]] });
  for (const record of decoded.records) expect(record.buffer).toBe(packet.buffer);
});

test("a packet of a history has its place", () => {
  const one = message("one");
  const packet = historyPacket(head, [one]);
  expect([packet[0], packet.length]).toEqual([0x12, 1 + 6 + 6 + 12 + 4 + one.length]);
  expect(plain(decodePacket(packet))).toEqual({ history: head, records: [[...one]] });
  const first = { ...head, first: 1, before: NO_ID };
  expect(decodePacket(historyPacket(first, [one]))?.history).toEqual(first);
  const last = { ...head, first: 2 ** 48 - 1 };
  expect(decodePacket(historyPacket(last, [one]))?.history).toEqual(last);
});

test("a probe has nothing", () => {
  expect([...probePacket()]).toEqual([0x13]);
  expect(decodePacket(probePacket())).toEqual({ history: undefined, records: [] });
});

test("what is not a message's number is none of ours", () => {
  expect(decodePacket(historyPacket({ ...head, first: 0 }, [message("one")]))).toBeUndefined();
});

test("a packet without records is none of ours", () => {
  expect(decodePacket(plainPacket([]))).toBeUndefined();
  expect(decodePacket(historyPacket(head, []))).toBeUndefined();
});

test("a packet is none of ours from the first record that is shorter than the header of one", () => {
  const shortest = message("");
  expect(decodePacket(plainPacket([shortest, shortest]))?.records.length).toBe(2);
  for (const short of [shortest.subarray(1), shortest.subarray(0, 0)]) {
    expect(decodePacket(plainPacket([shortest, short]))).toBeUndefined();
    expect(decodePacket(historyPacket(head, [shortest, short]))).toBeUndefined();
  }
  const millions = Buffer.concat([plainPacket([shortest]), Buffer.alloc(16 << 20)]);
  const packet = bytesOf(millions);
  const before = process.memoryUsage().heapUsed;
  expect(decodePacket(packet)).toBeUndefined();
  // No array of millions.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(4 << 20);
});

test("a packet of 1 MiB, and one of 256 records", () => {
  const large = message("x".repeat(1024 * 1024));
  expect(decodePacket(plainPacket([large]))?.records[0]?.length).toBe(large.length);
  const many = Array.from({ length: 256 }, (_, i) => message(String(i)));
  expect(plain(decodePacket(historyPacket(head, many)))?.records).toEqual(many.map((record) => [...record]));
});

test("any packet is the same after it was encoded", () => {
  fc.assert(
    fc.property(heads, records, (one, all) => {
      const expected = all.map((record) => [...record]);
      expect(plain(decodePacket(historyPacket(one, all)))).toEqual({ history: one, records: expected });
      expect(plain(decodePacket(plainPacket(all)))).toEqual({ history: undefined, records: expected });
    }),
    { numRuns: cases(300), seed },
  );
});

test("a packet that is cut is none, or ends after one of its records", () => {
  fc.assert(
    fc.property(packets, (packet) => {
      const whole = plain(decodePacket(packet))!;
      for (let length = 0; length < packet.length; length++) {
        const cut = plain(decodePacket(packet.subarray(0, length)));
        if (cut === undefined) continue;
        expect(cut.records.length).toBeLessThan(whole.records.length);
        expect(cut).toEqual({ ...whole, records: whole.records.slice(0, cut.records.length) });
      }
    }),
    { numRuns: cases(100), seed },
  );
});

test("another version and an unknown kind are none of ours", () => {
  const kinds: readonly number[] = Object.values(PacketKind);
  for (const packet of [plainPacket([message("one")]), historyPacket(head, [message("one")])]) {
    for (let first = 0; first < 256; first++) {
      const copy = Buffer.from(packet);
      copy[0] = first;
      if (first >> 4 !== 1 || !kinds.includes(first & 15)) expect(decodePacket(bytesOf(copy))).toBeUndefined();
    }
  }
});

test("any bytes are none of ours, or a packet that is the same when it is encoded again", () => {
  let read = 0;
  fc.assert(
    fc.property(garbage(packets), (bytes) => {
      const packet = decodePacket(bytes);
      if (packet === undefined) return;
      read++;
      const { history, records: all } = packet;
      const again = history === undefined ? plainPacket(all) : historyPacket(history, all);
      expect([...(all.length === 0 ? probePacket() : again)]).toEqual([...bytes]);
    }),
    { numRuns: cases(20_000), seed },
  );
  expect(read).toBeGreaterThan(500);
});
