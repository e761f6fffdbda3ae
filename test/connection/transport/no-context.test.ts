import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "vitest";
import { callInNoContext, inNoContext } from "../../../src/connection/transport/no-context.ts";
import { atTurnEnd } from "../../../src/connection/transport/turn.ts";
import { Session, text } from "../../support/session.ts";
import { outgoing } from "../../support/outgoing.ts";
import { Wire, turns } from "../../support/wire.ts";

const store = new AsyncLocalStorage<string>();

test("a function runs without the caller's store, and its result is returned", () => {
  store.run("user 1", () => {
    expect(inNoContext(() => [1, store.getStore()])).toEqual([1, undefined]);
    expect(store.getStore()).toBe("user 1");
  });
});

test("what a user's function enters, no other function sees", () => {
  callInNoContext(() => store.enterWith("user 1"));
  expect(callInNoContext(() => store.getStore())).toBeUndefined();
  expect(inNoContext(() => store.getStore())).toBeUndefined();
});

test("the messages of two connections that wait for a turn do not see each other's store", async () => {
  const seen: unknown[] = [];
  const sessions = ["user 1", "user 2"].map(
    (user) =>
      new Session({
        message: () => {
          const before = store.getStore();
          if (before !== undefined && before !== user) seen.push(before);
          store.enterWith(user);
        },
      }),
  );
  for (const session of sessions) session.receive(...Array.from({ length: 600 }, () => text("x")));
  await turns(10);
  expect(sessions.map(({ calls }) => calls.length)).toEqual([601, 601]);
  // Those that are read in one turn run in the context of this test: the streams are in memory.
  expect(seen.length).toBeLessThanOrEqual(256);
});

test("onError runs in no other connection's context, whoever has caused it", async () => {
  const seen: unknown[] = [];
  const session = new Session({ error: () => seen.push(store.getStore()) }, { maxSendQueue: 1 });
  session.stream.stick();
  await turns();
  store.run("user 1", () => {
    for (let i = 0; i < 3; i++) session.connection.send(outgoing("x".repeat(20_000)));
  });
  await turns();
  expect(seen).toEqual([undefined]);
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
