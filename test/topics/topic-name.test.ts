import { expect, test } from "vitest";
import { MAX_TOPIC_SIZE, checkTopic } from "../../src/topics/topic-name.ts";

test.each(["a", "chat:7", "with spaces", "a.b*>{}", "é😀", "a".repeat(MAX_TOPIC_SIZE), "é".repeat(127)])(
  "%j is the name of a topic",
  (topic) => {
    expect(() => checkTopic("topic", topic)).not.toThrow();
  },
);

test.each([
  ["a number", 5, "HWS_INVALID_ARGUMENT"],
  ["nothing", undefined, "HWS_INVALID_ARGUMENT"],
  ["a list", ["a"], "HWS_INVALID_ARGUMENT"],
  ["an empty text", "", "HWS_OUT_OF_RANGE"],
  ["256 bytes", "a".repeat(256), "HWS_OUT_OF_RANGE"],
  ["128 characters of 256 bytes", "é".repeat(128), "HWS_OUT_OF_RANGE"],
  ["a line break", "a\nb", "HWS_INVALID_ARGUMENT"],
  ["the control character that begins a header", "\u001ea", "HWS_INVALID_ARGUMENT"],
  ["a control character above 0x7f", "a\u0085", "HWS_INVALID_ARGUMENT"],
  ["a half of a surrogate pair", "a\ud800", "HWS_INVALID_ARGUMENT"],
])("%s is not", (_what, topic, code) => {
  expect(() => checkTopic("subscribe: topic", topic)).toThrow(expect.objectContaining({ code }) as Error);
  expect(() => checkTopic("subscribe: topic", topic)).toThrow(/^subscribe: topic: expected/);
});

test.each([
  ["", 0],
  ["é".repeat(128), 256],
])("the error for %j says that it has %i bytes, and how many it may have", (topic, size) => {
  expect(() => checkTopic("subscribe: topic", topic)).toThrow(
    `subscribe: topic: expected 1 to 255 bytes of UTF-8, got ${size}`,
  );
});

test("the error for a list says so", () => {
  expect(() => checkTopic("publish: topic", ["a"])).toThrow("publish: topic: expected a string, got an array");
});
