import { expect, test } from "vitest";
import { HawserError } from "../../../src/errors/errors.ts";
import { WantedTopic } from "../../../src/client/topics/subscription.ts";

test("the first answer settles it, later ones only move it", async () => {
  const wanted = new WantedTopic("a", "e.1.-", 5);
  expect([wanted.hasBegun, wanted.isLive, wanted.position]).toEqual([false, false, "e.1.-"]);
  wanted.begin("e.2.-", true);
  wanted.begin("e.3.-", false);
  expect([wanted.hasBegun, wanted.isLive, wanted.position]).toEqual([true, true, "e.3.-"]);
  expect(await wanted.begun).toEqual({ topic: "a", position: "e.2.-", recovered: true });
});

test("a rejection that nobody awaits is handled", async () => {
  const wanted = new WantedTopic("a", undefined, undefined);
  wanted.fail(new HawserError("HWS_UNSUBSCRIBED"));
  await expect(wanted.begun).rejects.toMatchObject({ code: "HWS_UNSUBSCRIBED" });
});
