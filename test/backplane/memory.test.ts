import { expect, test } from "vitest";
import type { DriverHost } from "../../src/backplane/contract.ts";
import { MessageIds } from "../../src/backplane/ids.ts";
import { type MemoryBackplane, memory } from "../../src/backplane/memory.ts";
import { decodePacket } from "../../src/backplane/packet.ts";
import { RecordKind, decodeRecord, encodeRecord } from "../../src/backplane/record.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";

const rule = { size: 100, ttl: 60_000 };
const ids = new MessageIds();

function record(payload: string): Bytes {
  const fields = { kind: RecordKind.message, isBinary: false, mayCompress: true, key: undefined, to: undefined };
  return encodeRecord({ ...fields, id: ids.next(), payload });
}

async function openNode(backplane: MemoryBackplane, name: string) {
  const driver = backplane.createDriver();
  const seen: string[] = [];
  const host: DriverHost = {
    onPacket(topic, packet) {
      for (const one of decodePacket(packet)?.records ?? []) {
        const { payload } = decodeRecord(one)!;
        seen.push(`${topic} ${payload.utf8Slice(0, payload.length)}`);
      }
    },
    onLost: () => undefined,
    onStatus: (status) => seen.push(status),
    onFailed: (stage) => seen.push(stage),
  };
  await driver.open(host, name);
  return { driver, seen };
}

test("the appending node gets it at once, the others in a later turn, all in the same order", async () => {
  const backplane = memory();
  const [a, b] = [await openNode(backplane, "nodeA000"), await openNode(backplane, "nodeB000")];
  for (const { driver } of [a, b]) void driver.listen(["t"], []);
  void a.driver.append("t", rule, [record("1")]);
  expect([a.seen, b.seen]).toEqual([["ready", "t 1"], ["ready"]]);
  const second = b.driver.append("t", rule, [record("2")]);
  expect([a.seen.length, b.seen]).toEqual([2, ["ready", "t 1", "t 2"]]);
  expect((await second).first).toBe(2);
  await new Promise((resolve) => setImmediate(resolve));
  expect(a.seen).toEqual(b.seen);
  for (const { driver } of [a, b]) await driver.close(0);
});

test("it refuses options that it does not have", () => {
  expect(() => memory({ maxbytes: 1 } as object)).toThrow("did you mean maxBytes?");
  expect(() => memory({ maxBytes: 0 })).toThrow("memory: maxBytes");
  expect(() => memory(7 as never)).toThrow("expected an object");
});
