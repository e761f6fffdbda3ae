import { describe, expect, test } from "vitest";
import { type DrainPlan, runDrain } from "../../scripts/reliability/drain/run.ts";

/** The short form of scripts/drain.ts. */
const plan: DrainPlan = {
  clients: 30,
  depth: 8,
  seconds: 0.2,
  burst: 64,
  timeout: 10,
  connectAttempts: 10,
  closeBatchSize: 10,
};

const TIMEOUT = 60_000;

describe.each([false, true])(
  "a server that shuts down while its clients send, over HTTP/2: %s",
  { timeout: TIMEOUT },
  (isHttp2) => {
    test("loses no accepted message, closes every client with 1001, and leaves the web server running", async () => {
      const record = await runDrain({ ...plan, isHttp2 });

      expect(record.beginning.connections).toBe(plan.clients);
      expect(record.beginning.queued).toBeGreaterThan(0);
      expect(record.accepted).toBeGreaterThan(plan.clients * plan.burst);
      expect(record).toMatchObject({ received: record.accepted, lost: 0, notAccepted: 0, outOfOrder: 0, left: 0 });
      expect(record.counters).toEqual({ accepted: record.accepted, written: record.accepted, dropped: 0, pending: 0 });
      expect(record.codes).toEqual({ 1001: plan.clients });
      expect(record.connectAttempts).toEqual({ "503 with Retry-After": plan.connectAttempts });
      expect(record.page).toEqual({ during: 200, after: 200 });
      expect(record.order).toEqual([
        { what: "connection", times: plan.clients },
        { what: "server", times: 1 },
        { what: "promise", times: 1 },
      ]);
    });

    test("loses messages when it is destroyed instead, and counts them", async () => {
      const record = await runDrain({ ...plan, isHttp2, timeout: 0 });

      expect(record.lost).toBeGreaterThan(0);
      expect(record.received + record.lost).toBe(record.accepted);
      expect(record.counters.pending).toBe(0);
      expect(record.counters.written + record.counters.dropped).toBe(record.accepted);
      expect(record.codes).toEqual({ 1006: plan.clients });
    });
  },
);
