import { expect, test } from "vitest";
import { StoredMessage } from "../../src/topics/stored-message.ts";
import { PageMemory, WaitingPage } from "../../src/topics/waiting-page.ts";
import { EPOCH, entries } from "../support/fake-driver.ts";

test("a page takes memory for the messages that were not sent yet", () => {
  const messages = entries(1, 4).map((one) => new StoredMessage(one, { topic: "topic", epoch: EPOCH }));
  const [{ size }] = messages as [StoredMessage];
  const memory = new PageMemory(3 * size);
  const [one, other] = [new WaitingPage(memory, messages), new WaitingPage(memory, [])];
  expect([memory.used, memory.isOver, one.first, other.first]).toEqual([4 * size, true, messages[0], undefined]);
  one.shift();
  other.shift();
  expect([memory.used, memory.isOver, one.first]).toEqual([3 * size, false, messages[1]]);
  one.clear();
  expect([memory.used, one.first]).toEqual([0, undefined]);
});
