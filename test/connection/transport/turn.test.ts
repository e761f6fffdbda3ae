import { describe, expect, test, vi } from "vitest";
import {
  type TurnEndListener,
  afterEachTurn,
  atTurnEnd,
  inNextTurn,
  requestTurnEnd,
} from "../../../src/connection/transport/turn.ts";
import { turns } from "../../support/wire.ts";

const heard: string[] = [];
afterEachTurn(() => heard.push("cleared"));

function member(name: string, then: () => void = () => {}): TurnEndListener {
  return {
    onTurnEnd() {
      heard.push(name);
      then();
    },
    onTurnEndFailed(error) {
      heard.push(`${name} failed: ${(error as Error).message}`);
    },
  };
}

describe("the end of a turn", () => {
  test("comes once for each caller, in the order of the calls, and then clears what was remembered for the turn", async () => {
    heard.length = 0;
    atTurnEnd(member("a"));
    atTurnEnd(member("b"));
    await turns();
    expect(heard).toEqual(["a", "b", "cleared"]);
  });

  test("does not come within the code of the turn, nor in its microtasks", async () => {
    heard.length = 0;
    atTurnEnd(member("a"));
    await Promise.resolve();
    expect(heard).toEqual([]);
    await turns();
    expect(heard).toEqual(["a", "cleared"]);
  });

  test("that is requested at the end of a turn is the end of the next turn", async () => {
    heard.length = 0;
    const second = member("second");
    const first = member("first", () => atTurnEnd(second));
    atTurnEnd(first);
    atTurnEnd(member("other"));
    await turns();
    expect(heard).toEqual(["first", "other", "cleared", "second", "cleared"]);
  });

  test("comes in each turn, however often it is requested", async () => {
    heard.length = 0;
    let left = 5;
    const again: TurnEndListener = member("again", () => {
      if (--left > 0) atTurnEnd(again);
    });
    atTurnEnd(again);
    await turns(8);
    expect(heard.filter((name) => name === "again")).toHaveLength(5);
  });

  test("is not scheduled without a request", async () => {
    heard.length = 0;
    await turns();
    expect(heard).toEqual([]);
  });

  test("comes for the others too when one of them throws, and that one is told", async () => {
    heard.length = 0;
    const fail = (): never => {
      throw new Error("no memory");
    };
    atTurnEnd(member("a"));
    atTurnEnd(member("b", fail));
    atTurnEnd(member("c"));
    await turns();
    expect(heard).toEqual(["a", "b", "b failed: no memory", "c", "cleared"]);
    atTurnEnd(member("d"));
    await turns();
    expect(heard.slice(-2)).toEqual(["d", "cleared"]);
  });

  test("comes for the others even if a listener cannot be told that it has thrown", async () => {
    heard.length = 0;
    const fail = (): never => {
      throw new Error("broken");
    };
    const warned = new Promise((resolve) => process.once("warning", resolve));
    atTurnEnd({ onTurnEnd: fail, onTurnEndFailed: fail });
    atTurnEnd(member("b"));
    await turns();
    expect(heard).toEqual(["b", "cleared"]);
    expect(await warned).toMatchObject({ code: "HWS_STREAM_STUCK" });
  });
});

describe("what waits for the next turn", () => {
  test("runs after this turn's end, before the end of the next turn", async () => {
    heard.length = 0;
    inNextTurn(() => {
      heard.push("next");
      atTurnEnd(member("end of the next"));
    });
    atTurnEnd(member("end of this"));
    await turns();
    expect(heard).toEqual(["end of this", "cleared", "next", "end of the next", "cleared"]);
  });

  test("runs in order, and what it asks for again runs in the turn after that", async () => {
    heard.length = 0;
    const again = (name: string, left: number) => (): void => {
      heard.push(`${name}${left}`);
      if (left > 1) inNextTurn(again(name, left - 1));
    };
    inNextTurn(again("a", 3));
    inNextTurn(again("b", 2));
    await turns(8);
    const cleared = "cleared";
    expect(heard).toEqual([cleared, "a3", "b2", cleared, "a2", "b1", cleared, "a1", cleared]);
  });

  test("waits once more when the others before it have taken their milliseconds", async () => {
    heard.length = 0;
    let now = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
    for (const name of ["a", "b", "c"])
      inNextTurn(() => {
        heard.push(name);
        now += 3;
      });
    await turns(8);
    clock.mockRestore();
    expect(heard).toEqual(["cleared", "a", "b", "cleared", "c", "cleared"]);
  });

  test("runs although the one before it throws, and the error is reported", async () => {
    heard.length = 0;
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", ({ message }) => heard.push(message));
    inNextTurn(() => {
      throw new Error("thrown");
    });
    inNextTurn(() => heard.push("other"));
    await turns(8);
    for (const other of others) process.on("uncaughtException", other);
    expect(heard.toSorted()).toEqual(["cleared", "cleared", "other", "thrown"]);
  });
});

test("the end of a turn may be requested without anything to do", async () => {
  heard.length = 0;
  requestTurnEnd();
  requestTurnEnd();
  await turns();
  expect(heard).toEqual(["cleared"]);
});
