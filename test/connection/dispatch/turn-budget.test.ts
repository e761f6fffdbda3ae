import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MAX_MESSAGES_PER_TURN, countInTurn } from "../../../src/connection/dispatch/turn-budget.ts";
import { turns } from "../../support/wire.ts";

/** Counts messages until one is too many, at most `most`. Returns how many there were, and the position. */
function countAll(position: number, most = Infinity): [count: number, position: number] {
  let at = position;
  for (let count = 0; ; count++) {
    const next = count < most ? countInTurn(at) : undefined;
    if (next === undefined) return [count, at];
    at = next;
  }
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
    expect(countAll(0)[0]).toBe(MAX_MESSAGES_PER_TURN);
    expect(countAll(0)[0]).toBe(MAX_MESSAGES_PER_TURN);
  });

  test("are counted together, however many reads bring them", () => {
    const [, position] = countAll(0, MAX_MESSAGES_PER_TURN - 1);
    expect(countAll(position)[0]).toBe(1);
    const [, spent] = countAll(position);
    expect(countAll(spent)[0]).toBe(0);
  });

  test("are counted anew in the next turn", async () => {
    let position = 0;
    for (let turn = 0; turn < 5; turn++) {
      const [count, next] = countAll(position);
      expect(count).toBe(MAX_MESSAGES_PER_TURN);
      expect(countAll(next)[0]).toBe(0);
      position = next;
      await turns(1);
    }
  });

  test("of a connection that gets one message in each turn are never too many", async () => {
    let position = 0;
    for (let turn = 0; turn < 2 * MAX_MESSAGES_PER_TURN; turn++) {
      const next = countInTurn(position);
      expect(next).toBeDefined();
      position = next!;
      await turns(1);
    }
  });

  test("take a limited time: then the rest waits, however few they were", async () => {
    await turns(1);
    let now = 1000;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    let position = 0;
    let count = 0;
    for (let next = countInTurn(position); next !== undefined; next = countInTurn(position)) {
      position = next;
      count++;
      now += 1;
    }
    expect(count).toBe(31);
  });

  test("of all connections together take a limited time too: then even a first message waits", async () => {
    await turns(1);
    let now = 1000;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const counts: number[] = [];
    for (let connection = 0; connection < 40; connection++) {
      counts.push(countAll(0, 4)[0]);
      now += 2;
    }
    // Each connection gets its messages until a look at the clock shows that twenty milliseconds have gone.
    expect(counts.slice(0, 10)).toEqual(Array(10).fill(4));
    expect(counts.slice(20)).toEqual(Array(20).fill(0));
    vi.restoreAllMocks();
    await turns(1);
    expect(countAll(0, 4)[0]).toBe(4);
  });
});
