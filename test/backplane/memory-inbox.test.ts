import { expect, test } from "vitest";
import { MemoryInbox } from "../../src/backplane/memory-inbox.ts";
import { bytesOf } from "../support/backplane/records.ts";

function open(onPacket: (topic: string | undefined, byte: number) => void) {
  const failures: unknown[] = [];
  const inbox = new MemoryInbox("nodename", {
    rules: "{}",
    onPacket: (topic, packet) => onPacket(topic, packet[0]!),
    onLost: () => undefined,
    onStatus: () => undefined,
    onFailed: (stage, error) => failures.push([stage, error]),
  });
  const push = (topic: string | undefined, byte: number) => inbox.push(topic, bytesOf(Uint8Array.of(byte)));
  return { inbox, push, failures };
}

test("packets wait until they are delivered, in their order", () => {
  const seen: unknown[] = [];
  const { inbox, push } = open((...packet) => seen.push(packet));
  inbox.listen(["t"], []);
  push("t", 1);
  push(undefined, 2);
  push("t", 3);
  expect(seen).toEqual([]);
  inbox.deliver();
  inbox.deliver();
  expect(seen).toEqual([
    ["t", 1],
    [undefined, 2],
    ["t", 3],
  ]);
});

test("what is not wanted any more is not delivered", () => {
  const seen: number[] = [];
  const { inbox, push } = open((_topic, byte) => {
    seen.push(byte);
    inbox.listen([], ["u"]);
  });
  inbox.listen(["t", "u"], ["t"]);
  expect([inbox.wants("t"), inbox.wants("u"), inbox.wants("v"), inbox.wants(undefined)]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  push("t", 1);
  push("u", 2);
  inbox.deliver();
  expect(seen).toEqual([1]);
});

test("a packet that causes another delivery does not change the order", () => {
  const seen: number[] = [];
  const { inbox, push } = open((_topic, byte) => {
    seen.push(byte);
    if (byte > 2) return;
    push("t", byte * 10);
    inbox.deliver();
  });
  inbox.listen(["t"], []);
  for (const byte of [1, 2, 3]) push("t", byte);
  inbox.deliver();
  expect(seen).toEqual([1, 2, 3, 10, 20]);
});

test("what is added meanwhile waits for the next delivery", () => {
  const seen: number[] = [];
  const { inbox, push } = open((_topic, byte) => {
    seen.push(byte);
    push("t", byte + 1);
  });
  inbox.listen(["t"], []);
  push("t", 1);
  inbox.deliver();
  expect(seen).toEqual([1]);
  inbox.deliver();
  expect(seen).toEqual([1, 2]);
  inbox.close();
});

test("after close nothing is delivered", () => {
  const seen: number[] = [];
  const { inbox, push } = open((_topic, byte) => {
    seen.push(byte);
    inbox.close();
  });
  inbox.listen(["t"], []);
  for (const byte of [1, 2]) push("t", byte);
  inbox.deliver();
  push(undefined, 3);
  inbox.deliver();
  expect([seen, inbox.wants("t"), inbox.wants(undefined)]).toEqual([[1], false, false]);
});

test("if a node throws, it is told, and gets the next packet", () => {
  const seen: number[] = [];
  const { inbox, push, failures } = open((_topic, byte) => {
    if (byte === 1) throw new Error("no");
    seen.push(byte);
  });
  inbox.listen(["t"], []);
  for (const byte of [1, 2]) push("t", byte);
  inbox.deliver();
  expect([seen, failures]).toEqual([[2], [["decode", new Error("no")]]]);
});
