import { expect, test } from "vitest";
import type { Mark } from "../../src/backplane/contract.ts";
import { LiveReceivers } from "../../src/topics/live-receivers.ts";
import { StoredMessage } from "../../src/topics/stored-message.ts";
import { EPOCH, entry, mark } from "../support/fake-driver.ts";
import { Reader, ReaderCalls } from "../support/history-rig.ts";

function rig() {
  const live = new LiveReceivers(new ReaderCalls());
  const slow: [Reader, boolean, Mark][] = [];
  const send = (offset: number, except?: Set<Reader>) =>
    live.send(new StoredMessage(entry(offset), { topic: "topic", epoch: EPOCH }), mark(offset - 1), except, {
      onSlow: (...told) => void slow.push(told),
    });
  return { live, slow, send };
}

test("a message goes to those with and without header lines, but not to those who are excepted or closed", () => {
  const { live, send, slow } = rig();
  const [plain, framed, excepted, closed] = [new Reader(1), new Reader(2), new Reader(3), new Reader(4)];
  closed.isGone = true;
  for (const reader of [plain, excepted, closed]) live.add(reader, false);
  live.add(framed, true);
  send(1, new Set([excepted]));
  expect([plain, framed, excepted, closed].map(({ got }) => got)).toEqual([["1"], ["m - topic: 1"], [], []]);
  expect(slow).toEqual([]);
  expect([live.remove(framed), live.remove(framed), live.list(true)]).toEqual([true, false, []]);
});

test("who is too slow is told, with the message that it got last", () => {
  const { live, send, slow } = rig();
  const [accepts, drops, congested] = [new Reader(1), new Reader(2), new Reader(3)];
  accepts.fates = ["slow"];
  drops.fates = ["dropped"];
  congested.isCongested = true;
  for (const reader of [accepts, drops]) live.add(reader, false);
  live.add(congested, true);
  send(7);
  expect(slow).toEqual([
    [accepts, false, mark(7)],
    [drops, false, mark(6)],
    [congested, true, mark(6)],
  ]);
});
