import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "vitest";
import { inNoContext } from "../../../src/connection/transport/no-context.ts";
import { atTurnEnd } from "../../../src/connection/transport/turn.ts";
import { Session } from "../../support/session.ts";
import { outgoing } from "../../support/outgoing.ts";
import { Wire, turns } from "../../support/wire.ts";

const store = new AsyncLocalStorage<string>();

test("a function runs without the caller's store, and its result is returned", () => {
  store.run("user 1", () => {
    expect(inNoContext(() => [1, store.getStore()])).toEqual([1, undefined]);
    expect(store.getStore()).toBe("user 1");
  });
});

test("a function that throws throws to its caller", () => {
  const fail = (): never => {
    throw new Error("no");
  };
  expect(() => inNoContext(fail)).toThrow("no");
});

test("the end of a turn shows no caller's store to another", async () => {
  const seen: (string | undefined)[] = [];
  const listener = (name: string) => ({
    onTurnEnd: () => seen.push(`${name} ${String(store.getStore())}`),
    onTurnEndFailed: () => undefined,
  });
  store.run("user 1", () => atTurnEnd(listener("first")));
  store.run("user 2", () => atTurnEnd(listener("second")));
  await turns();
  expect(seen).toEqual(["first undefined", "second undefined"]);
});

test("onDrain does not run in the context of a handler that broadcasts", async () => {
  const stream = new Wire({ highWaterMark: 1 });
  const seen: (string | undefined)[] = [];
  const session = new Session({ drain: () => void seen.push(store.getStore()) }, { stream, highWaterMark: 1 });
  await turns();
  stream.stick();
  store.run("user 1", () => session.connection.send(outgoing("x".repeat(100))));
  await turns();
  store.run("user 1", () => stream.flow());
  await turns();
  expect(seen).toEqual([undefined]);
});
