import { expect, test } from "vitest";
import { publishedMessage, readMessageId } from "../../src/server/published-message.ts";

test.each<[unknown, unknown]>([
  ["text", { opcode: 1, payload: "text" }],
  [{ n: 1 }, { opcode: 1, payload: '{"n":1}' }],
  [Buffer.of(7), { opcode: 2, payload: Buffer.of(7) }],
])("%o", (message, sent) => {
  expect(publishedMessage(message, {})).toMatchObject(sent as object);
});

test.each<[unknown, string]>([
  [new Blob(["a"]), "publish: message: a Blob must be read before"],
  [{ n: 1n }, "publish: message: JSON cannot hold it"],
  [7, "publish: message: expected a string"],
])("%o is refused", (message, text) => {
  expect(() => publishedMessage(message, {})).toThrow(text);
});

test("an id is 1 to 128 bytes of UTF-8", () => {
  expect([undefined, "a", "ü".repeat(64)].map(readMessageId)).toEqual([undefined, "a", "ü".repeat(64)]);
  expect(() => readMessageId("ü".repeat(65))).toThrow("publish: id: expected 1 to 128 bytes of UTF-8, got 130");
  expect(() => readMessageId(7)).toThrow("publish: id: expected a string, got a number");
});
