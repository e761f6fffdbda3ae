import { expect, test } from "vitest";
import { readTopicRequest } from "../../src/topics/topic-request.ts";

test.each([
  ["s - - chat", { isSubscribe: true, topic: "chat", since: undefined, last: undefined }],
  ["s AbCd-_12.1z.- 50 chat:7", { isSubscribe: true, topic: "chat:7", since: "AbCd-_12.1z.-", last: 50 }],
  ["s - 1 a topic  with spaces ", { topic: "a topic  with spaces ", last: 1 }],
  // A position may be whatever a client has kept: it is not recovered.
  [`s ${"x".repeat(64)} - a`, { since: "x".repeat(64) }],
  // Longer than a position may be: it is none, and is not kept.
  [`s ${"x".repeat(1_000)} - a`, { since: "x".repeat(65) }],
  [`s ${"é".repeat(100_000)} 7 é`, { since: "é".repeat(65), topic: "é", last: 7 }],
  ["s \x1e\0é😀 - a", { since: "\x1e\0é😀" }],
  ["s - - -", { since: undefined, topic: "-" }],
  // More than any history keeps.
  ["s - 10001 a", { last: 10_000 }],
  [`s - ${"9".repeat(400)} a`, { last: 10_000 }],
  [`s - - ${"é".repeat(127)}`, { topic: "é".repeat(127) }],
  ["u - - chat", { isSubscribe: false, topic: "chat", since: undefined, last: undefined }],
  ["u - - u - - x", { isSubscribe: false, topic: "u - - x" }],
])("%j is a request", (line, request) => {
  expect(readTopicRequest(`\x1e${line}\n`)).toMatchObject(request);
});

test.each([
  ["nothing", ""],
  ["no line end", "\x1es - - chat"],
  ["a message after the line", "\x1es - - chat\nhello"],
  ["two line ends", "\x1es - - chat\n\n"],
  ["another kind", "\x1em - - chat\n"],
  ["a large letter", "\x1eS - - chat\n"],
  ["a tab", "\x1es\t- - chat\n"],
  ["no topic", "\x1es - - \n"],
  ["a missing field", "\x1es - chat\n"],
  ["an empty position", "\x1es  - chat\n"],
  ["no messages", "\x1es - 0 chat\n"],
  ["a negative number", "\x1es - -1 chat\n"],
  ["a number with a zero before it", "\x1es - 05 chat\n"],
  ["a fraction", "\x1es - 1.5 chat\n"],
  ["an exponent", "\x1es - 1e3 chat\n"],
  ["digits that are not ASCII", "\x1es - ٣ chat\n"],
  ["a position to leave", "\x1eu a - chat\n"],
  ["a number to leave", "\x1eu - 1 chat\n"],
  ["a topic that is too long", `\x1es - - ${"a".repeat(256)}\n`],
  ["a topic with a control character", "\x1es - - a\0b\n"],
  ["a topic with a carriage return", "\x1es - - chat\r\n"],
])("%s is an error that closes with 1002", (_what, text) => {
  expect(() => readTopicRequest(text)).toThrow(expect.objectContaining({ code: "HWS_TOPIC_FRAME" }) as Error);
});
