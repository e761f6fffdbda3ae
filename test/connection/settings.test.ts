import { expect, test } from "vitest";
import { decoders } from "../support/decoders.ts";
import { readerRulesOf } from "../../src/connection/settings.ts";
import { connectionSettings } from "../support/settings.ts";

const settings = connectionSettings({ decode: decoders.text, maxMessageSize: 1234 });

test("the connections of one server share one set of reader rules, other servers have their own", () => {
  expect(readerRulesOf(settings)).toBe(readerRulesOf(settings));
  expect(readerRulesOf({ ...settings })).not.toBe(readerRulesOf(settings));
});

test("a server's connections require masked frames within the message limit", () => {
  expect(readerRulesOf(settings)).toMatchObject({ expectsMasked: true, maxMessageSize: 1234 });
});

test.each([
  ["text", true],
  ["object", true],
  ["auto", true],
  ["blob", false],
] as const)("under dataType %s texts become strings: %s", (dataType, passing) => {
  expect(readerRulesOf({ ...settings, decode: decoders[dataType] })).toMatchObject({
    batchesShortTexts: passing,
    borrowsText: passing,
  });
});
