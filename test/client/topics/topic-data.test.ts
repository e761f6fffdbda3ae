import { expect, test } from "vitest";
import { topicData } from "../../../src/client/topics/topic-data.ts";

const settings = { maxJsonDepth: 2, maxJsonValues: 9, ignoresInvalidJson: false };
const bytes = new TextEncoder().encode("[1]");

test.each([
  ["text", "[1]", "[1]"],
  ["text", bytes, "[1]"],
  ["blob", "[1]", bytes],
  ["blob", bytes, bytes],
  ["auto", "[1]", "[1]"],
  ["auto", bytes, bytes],
  ["object", "[1]", [1]],
  ["object", bytes, [1]],
] as const)("under %s, %j becomes %j", (dataType, message, data) => {
  expect(topicData(message, { ...settings, dataType })).toEqual({ data });
});

test.each([
  ["no JSON", "no", "HWS_INVALID_JSON"],
  ["JSON that is too deep", "[[[]]]", "HWS_JSON_TOO_DEEP"],
  ["bytes that are no text", new Uint8Array([0xff]), "HWS_INVALID_UTF8"],
])("%s is an error, or is dropped if it is no JSON", (_what, message, code) => {
  const read = (ignoresInvalidJson: boolean): unknown =>
    topicData(message, { ...settings, dataType: "object", ignoresInvalidJson });
  const error = expect.objectContaining({ code }) as Error;
  expect(() => read(false)).toThrow(error);
  if (code === "HWS_INVALID_UTF8") expect(() => read(true)).toThrow(error);
  else expect(read(true)).toBeUndefined();
});
