import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  MAX_MESSAGES_PER_TURN,
  type TurnCount,
  countInTurn,
  countWork,
} from "../../../src/connection/dispatch/turn-budget.ts";
import { turns } from "../../support/wire.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Counts messages of a connection until one is too many, at most `most`. Returns how many there were. */
function countAll(connection: TurnCount, most = Infinity): number {
  let count = 0;
  while (count < most && countInTurn(connection)) count++;
  return count;
}

function newConnection(): TurnCount {
  return { turnPosition: 0 };
}

beforeEach(async () => {
  vi.spyOn(performance, "now").mockReturnValue(0);
  await turns(1);
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the messages of a turn", () => {
  test("are counted for each connection", () => {
    expect(countAll(newConnection())).toBe(MAX_MESSAGES_PER_TURN);
    expect(countAll(newConnection())).toBe(MAX_MESSAGES_PER_TURN);
  });

  test("are counted together, however many reads bring them", () => {
    const connection = newConnection();
    countAll(connection, MAX_MESSAGES_PER_TURN - 1);
    expect(countAll(connection)).toBe(1);
    expect(countAll(connection)).toBe(0);
  });

  test("are counted exactly, whoever else gets messages between them", () => {
    const connections = [newConnection(), newConnection(), newConnection()];
    const counts = connections.map(() => 0);
    for (let round = 0; round < 400; round++)
      for (const [i, connection] of connections.entries()) counts[i]! += countAll(connection, 1 + ((round + i) % 3));
    expect(counts).toEqual(connections.map(() => MAX_MESSAGES_PER_TURN));
  });

  test("are counted anew in the next turn", async () => {
    const connection = newConnection();
    for (let turn = 0; turn < 5; turn++) {
      expect(countAll(connection)).toBe(MAX_MESSAGES_PER_TURN);
      expect(countAll(connection)).toBe(0);
      await turns(1);
    }
  });

  test("that were granted and not used do not count in the next turn", async () => {
    const connection = newConnection();
    for (let turn = 0; turn < 5; turn++) {
      expect(countAll(connection, 10 + turn)).toBe(10 + turn);
      await turns(1);
    }
    expect(countAll(connection)).toBe(MAX_MESSAGES_PER_TURN);
  });

  test("of a connection that gets one message in each turn are never too many", async () => {
    const connection = newConnection();
    for (let turn = 0; turn < 2 * MAX_MESSAGES_PER_TURN; turn++) {
      expect(countInTurn(connection)).toBe(true);
      await turns(1);
    }
  });

  test("take a limited time: then the rest waits, however few they were", async () => {
    await turns(1);
    let now = 1000;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const connection = newConnection();
    const countSlow = (): number => {
      let count = 0;
      for (; countInTurn(connection); count++) now += 1;
      return count;
    };
    // The first message, and one grant.
    expect(countSlow()).toBe(33);
    // Now it is known that they take long: the clock is looked at more often.
    await turns(1);
    expect(countSlow()).toBeLessThan(8);
    // Quick ones are granted many at once again.
    await turns(1);
    expect(countAll(connection)).toBe(MAX_MESSAGES_PER_TURN);
  });

  test("of all connections together take a limited time too: then even a first message waits", async () => {
    await turns(1);
    let now = 1000;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const counts: number[] = [];
    for (let connection = 0; connection < 40; connection++) {
      counts.push(countAll(newConnection(), 4));
      now += 2;
    }
    // Each connection gets its messages until a look at the clock shows that twenty milliseconds have gone.
    expect(counts.slice(0, 10)).toEqual(Array(10).fill(4));
    expect(counts.slice(20)).toEqual(Array(20).fill(0));
    vi.restoreAllMocks();
    await turns(1);
    expect(countAll(newConnection(), 4)).toBe(4);
  });

  test("keep no connection that is closed", async () => {
    let connection: TurnCount | undefined = newConnection();
    const kept = new WeakRef(connection);
    countAll(connection, 5);
    connection = undefined;
    await turns(2);
    collectGarbage();
    expect(kept.deref()).toBeUndefined();
  });
});

describe("a message that is known to take long", () => {
  test("makes the next one look at the clock: another connection waits too, when the time of the turn is over", () => {
    const [first, second] = [newConnection(), newConnection()];
    countAll(first, 2);
    expect(countInTurn(first)).toBe(true);
    vi.spyOn(performance, "now").mockReturnValue(1000);
    // Without long work, 32 messages may pass before somebody looks.
    countWork(4096);
    expect(countInTurn(second)).toBe(true);
    countWork(4097);
    expect(countInTurn(second)).toBe(false);
    expect(countInTurn(first)).toBe(false);
  });

  test("gives back what was granted, and counts itself", () => {
    const connection = newConnection();
    countAll(connection, 10);
    countWork(100_000);
    expect(countAll(connection)).toBe(MAX_MESSAGES_PER_TURN - 10);
  });
});
