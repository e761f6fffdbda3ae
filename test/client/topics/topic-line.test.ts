import { expect, test } from "vitest";
import { readTopicLine, subscribeLine, unsubscribeLine } from "../../../src/client/topics/topic-line.ts";
import { readTopicRequest } from "../../../src/topics/topic-request.ts";

test.each([
  ["\x1em e.2.x - chat\nhello\nworld", ["m", "e.2.x", "-", "chat", "hello\nworld"]],
  ["\x1es - - a  b \n", ["s", undefined, "-", "a  b ", ""]],
  ["\x1eu - 403 é😀\n\x1e", ["u", undefined, "403", "é😀", "\x1e"]],
])("%j has a line, as a text and as bytes", (message, [kind, position, flag, topic, data]) => {
  expect(readTopicLine(message)).toEqual({ kind, position, flag, topic, data });
  const read = readTopicLine(new TextEncoder().encode(message));
  expect(read).toMatchObject({ kind, position, flag, topic });
  expect(new TextDecoder().decode(read!.data as Uint8Array)).toBe(data);
});

test.each(["", "m - - a\n", "\x1e", "\x1em - - a", "\x1em - -\n", "\x1em\n", `\x1em ${"x".repeat(65)} - a\n`])(
  "%j has none",
  (message) => {
    expect(readTopicLine(message)).toBeUndefined();
    expect(readTopicLine(new TextEncoder().encode(message))).toBeUndefined();
  },
);

test("the server reads the lines that the client writes", () => {
  expect(readTopicRequest(subscribeLine("a b", "e.2.x", 5))).toMatchObject({ topic: "a b", since: "e.2.x", last: 5 });
  expect(readTopicRequest(subscribeLine("a", undefined, undefined))).toMatchObject({ isSubscribe: true, topic: "a" });
  expect(readTopicRequest(unsubscribeLine("a"))).toMatchObject({ isSubscribe: false, topic: "a" });
});
