import { describe, expect, test } from "vitest";
import { type Observations, compareSides } from "../../../scripts/reliability/drain/record.ts";
import { circumstances } from "../../../scripts/reliability/machine.ts";
import { type Sample, growthOf, isFlat } from "../../../scripts/reliability/soak/record.ts";

const MIB = 2 ** 20;

/** Samples of a server that holds this many more bytes with each connection, once it is warm. */
function samples(perConnection: number): Sample[] {
  const rest = {
    arrayBuffers: 0,
    external: MIB,
    handles: 1,
    connections: 0,
    opened: 0,
    closed: 0,
    held: 0,
    waiting: 0,
  };
  return Array.from({ length: 20 }, (_, i) => {
    const connects = (i + 1) * 10_000;
    const warm = Math.min(i, 3) * MIB;
    const grown = 8 * MIB + warm + connects * perConnection;
    return { ...rest, connects, seconds: i, remembered: 0, heapUsed: grown, rss: 100 * MIB + grown };
  });
}

describe("the growth of a soak", () => {
  test("is what remains of each connection, without the warm-up", () => {
    expect(growthOf(samples(0))).toEqual({ heapUsed: 0, external: 0, rss: 0 });
    expect(growthOf(samples(24))).toEqual({ heapUsed: 24, external: 0, rss: 24 });
  });

  test("is flat where it is nothing, or less than the noise of a short run", () => {
    expect(isFlat({ heapUsed: 0, external: 0, rss: -300 }, 200_000)).toBe(true);
    expect(isFlat({ heapUsed: 24, external: 0, rss: 24 }, 200_000)).toBe(false);
    expect(isFlat({ heapUsed: 24, external: 0, rss: 24 }, 10_000)).toBe(true);
    expect(isFlat({ heapUsed: 0, external: 0, rss: 65 }, 200_000)).toBe(false);
    expect(isFlat({ heapUsed: 0, external: 9, rss: 0 }, 200_000)).toBe(false);
  });
});

describe("the record of a drain", () => {
  const answered = { received: 5, answers: 5, outOfOrder: 0, code: 1001 };
  const observed: Observations = {
    where: circumstances(),
    plan: { clients: 2, depth: 1, seconds: 1, burst: 0, timeout: 10, connectAttempts: 2, closeBatchSize: 1 },
    beginning: { handled: 8, queued: 0, connections: 2 },
    connectAttempts: [{ status: 503, retryAfter: 3 }, { status: 503 }],
    pageDuring: { status: 200 },
    pageAfter: { status: 200 },
    ofServer: {
      accepted: [5, 5],
      refused: 1,
      order: [{ what: "connection", times: 2 }],
      counters: { accepted: 10, written: 10, dropped: 0, pending: 0 },
      milliseconds: 100,
      left: 0,
    },
    ofClients: [answered, answered],
  };

  test("has lost nothing when each client got what was accepted for it", () => {
    expect(compareSides(observed)).toMatchObject({
      accepted: 10,
      received: 10,
      lost: 0,
      notAccepted: 0,
      answeredDuring: 2,
    });
  });

  test("does not offset one client's loss with another's surplus", () => {
    const ofClients = [
      { ...answered, received: 4 },
      { ...answered, received: 6 },
    ];

    expect(compareSides({ ...observed, ofClients })).toMatchObject({
      accepted: 10,
      received: 10,
      lost: 1,
      notAccepted: 1,
    });
  });

  test("distinguishes clients that were told to come back from others", () => {
    expect(compareSides(observed).connectAttempts).toEqual({ "503 with Retry-After": 1, "503": 1 });
  });
});
