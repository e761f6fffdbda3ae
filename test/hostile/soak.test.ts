import { describe, expect, test } from "vitest";
import { scenarios } from "../../scripts/reliability/soak/scenarios.ts";
import { growthOf } from "../../scripts/reliability/soak/record.ts";
import { type SoakPlan, runSoak } from "../../scripts/reliability/soak/run.ts";

/** The short form of `npm run soak`: 1,000 connections to warm up, 2,000 that count. */
const plan: SoakPlan = { connects: 3_000, atOnce: 50, every: 250, processes: 1, steady: true };
const WARM_UP = 1 / 3;

/** Bytes of the heap that may remain of a connection: less than one small object. */
const BOUND = 150;
const SMALL_OBJECT = 256;

const TIMEOUT = 180_000;

describe("many connections that open and close in every way", { timeout: TIMEOUT }, () => {
  test("end correctly, and leave nothing: no connection, no handle, no memory", async () => {
    const record = await runSoak(plan);

    expect(record.failures).toEqual([]);
    expect(record.done).toEqual(Object.fromEntries(scenarios.map(({ name, share }) => [name, share * 30])));
    const { opened, closed, left, leaked, waiting, handlesLeft } = record;
    const nothingLeft = { closed: opened, left: 0, leaked: 0, waiting: 0, handlesLeft: 0 };
    expect({ closed, left, leaked, waiting, handlesLeft }).toEqual(nothingLeft);
    const { connections, messages } = record.counts.counters;
    expect(connections).toEqual({ opened, closed, leaving: 0 });
    expect(messages).toMatchObject({ accepted: messages.written + messages.dropped, pending: 0 });
    expect(record.samples.map(({ handles }) => handles)).toEqual(record.samples.map(() => 1));
    expect(growthOf(record.samples, WARM_UP).heapUsed).toBeLessThan(BOUND);
  });

  test("are noticed when each leaves one small object", async () => {
    const leak = SMALL_OBJECT / Float64Array.BYTES_PER_ELEMENT;
    const record = await runSoak({ ...plan, connects: plan.connects / 2, leak });

    expect(record.failures).toEqual([]);
    expect(growthOf(record.samples, WARM_UP).heapUsed).toBeGreaterThan(BOUND);
  });
});
