import { expect, test } from "vitest";
import { readMessageOptions } from "../../../src/connection/sending/message-options.ts";
import { Compression } from "../../../src/connection/sending/outgoing-message.ts";

test("the key, and whether the message may be compressed", () => {
  expect(readMessageOptions("send", {})).toEqual({ key: undefined, compression: Compression.allowed });
  expect(readMessageOptions("send", { key: "a", compress: false })).toEqual({
    key: "a",
    compression: Compression.forbidden,
  });
});

test.each([
  [null, "send: options: expected an object"],
  [7, "send: options: expected an object"],
  [{ key: null }, "send: key: expected a string, got null"],
  [{ compress: 1 }, "send: compress: expected true or false"],
])("%o throws", (options, message) => {
  expect(() => readMessageOptions("send", options)).toThrow(message);
});
