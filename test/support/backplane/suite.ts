import { describe } from "vitest";
import { type MakeBroker, rigs } from "./rig.ts";
import { closingSuite } from "./suite-closing.ts";
import { historySuite } from "./suite-history.ts";
import { messageSuite } from "./suite-messages.ts";
import { presenceSuite } from "./suite-presence.ts";
import { retrySuite } from "./suite-retries.ts";

/** What every driver must do: the same tests for all of them. Offsets have no holes here. */
export function driverSuite(name: string, make: MakeBroker): void {
  describe(`the driver ${name}`, () => {
    const start = rigs(make);
    describe("messages", () => messageSuite(start));
    describe("histories", () => historySuite(start));
    describe("a message that is handed over twice", () => retrySuite(start));
    describe("presence", () => presenceSuite(start));
    describe("closing", () => closingSuite(start));
  });
}
