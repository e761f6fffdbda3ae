import { expect, test } from "vitest";
import { isGood, runKills } from "../../scripts/reliability/reconnect/kills.ts";

const TIMEOUT = 120_000;

test(
  "a server that is killed under numbered messages: the order is kept, nothing comes twice",
  { timeout: TIMEOUT },
  async () => {
    // The short form of scripts/reconnect.ts.
    const record = await runKills({ kills: 3, traffic: 100 });

    expect(record.reconnects).toBe(3);
    expect(record.toServer).toMatchObject({ doubled: 0, outOfOrder: 0 });
    expect(record.toClient).toMatchObject({ doubled: 0, outOfOrder: 0, gaps: 0 });
    const { counters, sent, received, lost } = record.toServer;
    expect(counters.accepted).toBe(sent);
    expect(counters).toMatchObject({ accepted: counters.written + counters.dropped, pending: 0 });
    expect(received + lost).toBe(counters.written);
    expect(received).toBeGreaterThan(100);
    expect(isGood(record)).toBe(true);
    expect(isGood({ ...record, toServer: { ...record.toServer, doubled: 1 } })).toBe(false);
  },
);
