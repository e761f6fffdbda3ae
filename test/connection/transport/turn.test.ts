import { describe, expect, test } from "vitest";
import { type TurnEndListener, afterEachTurn, atTurnEnd } from "../../../src/connection/transport/turn.ts";
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
