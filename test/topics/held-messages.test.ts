import { expect, test } from "vitest";
import { HeldMessages } from "../../src/topics/held-messages.ts";
import type { StoredMessage } from "../../src/topics/stored-message.ts";

/** A message of a size. */
function message(size: number): StoredMessage {
  const sized: Pick<StoredMessage, "size"> = { size };
  return sized as StoredMessage;
}

test("messages are taken in their order, once", () => {
  const held = new HeldMessages();
  const [a, b] = [message(1), message(1)];
  held.add(a);
  held.add(b);
  expect([held.length, held.last]).toEqual([2, b]);
  expect(held.take()).toEqual({ messages: [a, b], isComplete: true });
  expect(held.take()).toEqual({ messages: [], isComplete: true });
});

test.each([
  ["1,000 messages", 1, 1_000],
  ["1 MiB", 600_000, 2],
])("%s are kept; what is more is forgotten, and told", (_what, size, kept) => {
  const held = new HeldMessages();
  for (let n = 0; n < kept + 1; n++) held.add(message(size));
  const { messages, isComplete } = held.take();
  expect([messages.length, isComplete]).toEqual([kept, false]);
  held.add(message(size));
  expect(held.take().isComplete).toBe(true);
});
