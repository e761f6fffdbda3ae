import { describe, expect, test } from "vitest";
import { TOLD, compareLog } from "../../scripts/reliability/chaos/comparison.ts";
import { type Fate, codeOf } from "../../scripts/reliability/chaos/ledger.ts";
import { broken } from "../../scripts/reliability/chaos/record.ts";
import { SHORT, runChaos } from "../../scripts/reliability/chaos/run.ts";
import { describeWith } from "../support/system.ts";

/** Smaller than the short form of scripts/chaos.ts. */
const scale = { ...SHORT, topics: 16, clients: 20 };

const TIMEOUT = 90_000;

describeWith("redis", "servers that Redis joins, while parts fail", () => {
  test.concurrent.for(["kill", "subscriber-kill", "client-cuts"])(
    "%s: what was accepted is lost by nobody in silence, comes once, and in order",
    { timeout: TIMEOUT },
    async (name, { expect: expectHere }) => {
      const { rows } = await runChaos({ scale, only: [name] });
      expectHere(rows.map(broken)).toEqual([[]]);
      expectHere(rows[0]!.totals!.history.accepted).toBeGreaterThan(0);
      expectHere(rows[0]!.totals!.history.delivered).toBeGreaterThan(0);
    },
  );
});

describe("the comparison of what was published with what a subscriber got", () => {
  const sent = (...fates: Fate[]) => fates.map((fate, number) => ({ lane: 1, number, at: 0, fate }));
  const codes = (...numbers: number[]) => numbers.map((number) => (number === TOLD ? TOLD : codeOf(1, number)));
  const three = sent("accepted", "accepted", "accepted");
  const good = { expected: 3, delivered: 3, lost: 0, told: 0, doubled: 0, outOfOrder: 0, unexpected: 0 };

  test.each([
    ["all", three, codes(0, 1, 2), good],
    ["one lost in silence", three, codes(0, 2), { ...good, delivered: 2, lost: 1 }],
    ["one lost, told at its place", three, codes(0, TOLD, 2), { ...good, delivered: 2, lost: 1, told: 1 }],
    ["one lost, told at another place", three, codes(TOLD, 0, 2), { ...good, delivered: 2, lost: 1 }],
    ["the last one lost, told", three, codes(0, 1, TOLD), { ...good, delivered: 2, lost: 1, told: 1 }],
    ["the first one lost, told", three, codes(TOLD, 1, 2), { ...good, delivered: 2, lost: 1, told: 1 }],
    ["none, told", three, codes(TOLD), { ...good, delivered: 0, lost: 3, told: 3 }],
    ["one twice", three, codes(0, 1, 1, 2), { ...good, delivered: 4, doubled: 1 }],
    ["out of order", three, codes(0, 2, 1), { ...good, outOfOrder: 1 }],
    ["one that was never published", three, codes(0, 1, 2, 7), { ...good, delivered: 4, unexpected: 1 }],
    [
      "rejected ones do not come, uncertain ones may",
      sent("accepted", "rejected", "uncertain", "unanswered", "uncertain"),
      codes(0, 2, 3),
      { ...good, expected: 1 },
    ],
    ["a rejected one", sent("rejected"), codes(0), { ...good, expected: 0, delivered: 1, unexpected: 1 }],
  ])("%s", (_what, published, log, found) => {
    expect(compareLog(published, log)).toMatchObject(found);
  });
});
