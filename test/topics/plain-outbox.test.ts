import { expect, test } from "vitest";
import { decodePacket } from "../../src/backplane/packet.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import { PlainOutbox } from "../../src/topics/plain-outbox.ts";

function rig(isSent = true) {
  const sent: [string | undefined, string[]][] = [];
  const counters = { sent: 0, dropped: 0 };
  const driver = {
    send: (topic: string | undefined, packet: Parameters<typeof decodePacket>[0]) => {
      sent.push([topic, decodePacket(packet)!.records.map((one) => String(one).slice(HEADER.length))]);
      return isSent;
    },
  };
  return { sent, counters, outbox: new PlainOutbox(driver, counters) };
}

/** No record is shorter. */
const HEADER = "-".repeat(14);
const record = (text: string) => asBytes(Buffer.from(HEADER + text));

test("all messages of one topic leave as one packet, in order", async () => {
  const { sent, counters, outbox } = rig();
  outbox.add("a", record("1"));
  outbox.add(undefined, record("2"));
  outbox.add("a", record("3"));
  expect(sent).toEqual([]);
  await Promise.resolve();
  expect(sent).toEqual([
    ["a", ["1", "3"]],
    [undefined, ["2"]],
  ]);
  outbox.add("a", record("4"));
  await Promise.resolve();
  expect([sent.length, counters]).toEqual([3, { sent: 4, dropped: 0 }]);
});

test("a packet has at most 256 messages, and leaves with 64 KiB", async () => {
  const { sent, outbox } = rig();
  for (let n = 0; n < 257; n++) outbox.add("a", record(String(n)));
  outbox.add("b", record("x".repeat(64 * 1024)));
  expect(sent.map(([topic, records]) => [topic, records.length])).toEqual([
    ["a", 256],
    ["b", 1],
  ]);
  await Promise.resolve();
  expect(sent[2]).toEqual(["a", ["256"]]);
});

test("what the broker does not take is counted", () => {
  const { counters, outbox } = rig(false);
  outbox.add("a", record("1"));
  outbox.flush();
  expect(counters).toEqual({ sent: 0, dropped: 1 });
});
