import { expect, test } from "vitest";
import { ClientSender } from "../../src/client/client-sender.ts";
import type { LinkListener } from "../../src/client/link.ts";
import { sharedOptions } from "../../src/client/settings.ts";
import { readTable } from "../../src/util/option-table.ts";
import { FakeLink, FakePlatform } from "../support/fake-client-platform.ts";

const listener: LinkListener = {
  onOpen: () => undefined,
  onMessageStart: () => undefined,
  onMessage: () => undefined,
  onDrain: () => undefined,
  onFailed: () => undefined,
  onClosed: () => undefined,
  onFinished: () => undefined,
};

function senderWith(reconnect: object | boolean): ClientSender {
  return new ClientSender(new FakePlatform(), readTable(sharedOptions, { reconnect }).reconnect);
}

test("without a queue a message is refused and counted while there is no connection", () => {
  const sender = senderWith(true);
  expect(sender.send("a", undefined)).toBe(false);
  expect(sender.counters).toEqual({ accepted: 1, written: 0, dropped: 1, pending: 0 });
});

test("a message that cannot be sent throws in every state", () => {
  const sender = senderWith({ whileAway: "queue" });
  expect(() => sender.send(Symbol("a"), undefined)).toThrow("message");
  sender.end();
  expect(() => sender.send(Symbol("a"), undefined)).toThrow("message");
});

test("what waits goes out in order with back-pressure; a new message comes after it", async () => {
  const sender = senderWith({ whileAway: "queue" });
  for (const one of ["1", "2"]) expect(sender.send(one, undefined)).toBe(true);
  expect(sender.bufferedAmount).toBe(128);
  const link = new FakeLink(listener);
  link.isSlow = true;
  sender.link(link);
  const flushed = sender.flush(link);
  expect(sender.send("3", undefined)).toBe(true);
  expect(link.sent).toEqual(["1"]);
  link.makeRoom();
  await flushed;
  expect(link.sent).toEqual(["1", "2", "3"]);
  expect(sender.counters).toEqual({ accepted: 3, written: 3, dropped: 0, pending: 0 });
});

test("a client that closes keeps no message for later", () => {
  const sender = senderWith({ whileAway: "queue" });
  sender.refuse();
  expect(sender.send("a", undefined)).toBe(false);
  expect(sender.counters).toMatchObject({ dropped: 1, pending: 0 });
});

test("drained goes over to the next connection when its own is given up, also without reconnect", async () => {
  for (const reconnect of [false, true]) {
    const sender = senderWith(reconnect);
    const [old, next] = [new FakeLink(listener), new FakeLink(listener)];
    old.isSlow = true;
    sender.link(old);
    await sender.during(old, () => Promise.resolve());
    const drained = [sender.drained(), sender.drained()];
    sender.unlink(old);
    sender.link(next);
    await sender.during(next, () => Promise.resolve());
    expect(await Promise.all(drained)).toEqual([true, true]);
    expect(old.status).toBe("Connected");
  }
});

test("without reconnect, drained ends with the connection", async () => {
  const sender = senderWith(false);
  const link = new FakeLink(listener);
  link.isSlow = true;
  sender.link(link);
  await sender.during(link, () => Promise.resolve());
  const drained = sender.drained();
  link.lose(1006);
  sender.end();
  expect(await drained).toBe(false);
});
