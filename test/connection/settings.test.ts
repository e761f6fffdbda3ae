import { expect, test } from "vitest";
import { decoders } from "../support/decoders.ts";
import { readerRulesOf } from "../../src/connection/settings.ts";
import { ReservedBit } from "../../src/protocol/frame-header.ts";
import { connectionSettings } from "../support/settings.ts";

const settings = connectionSettings({ decode: decoders.text, maxMessageSize: 1234 });

test("the connections of one server share one set of reader rules, other servers have their own", () => {
  expect(readerRulesOf(settings, false)).toBe(readerRulesOf(settings, false));
  expect(readerRulesOf({ ...settings }, false)).not.toBe(readerRulesOf(settings, false));
});

test("a server's connections require masked frames within the message limit", () => {
  expect(readerRulesOf(settings, false)).toMatchObject({ expectsMasked: true, maxMessageSize: 1234 });
});

test.each([
  ["text", true],
  ["object", true],
  ["auto", true],
  ["blob", false],
] as const)("under dataType %s texts become strings: %s", (dataType, passing) => {
  expect(readerRulesOf({ ...settings, decode: decoders[dataType] }, false)).toMatchObject({
    batchesShortTexts: passing,
    borrowsText: passing,
  });
});

test("only connections that compress may have RSV1, and all of them share one set of rules", () => {
  expect(readerRulesOf(settings, false).transformBit).toBe(0);
  expect(readerRulesOf(settings, true)).toMatchObject({ transformBit: ReservedBit.rsv1, maxMessageSize: 1234 });
  expect(readerRulesOf(settings, true)).toBe(readerRulesOf(settings, true));
});
