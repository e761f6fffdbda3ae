import { expect, test, vi } from "vitest";
import { ClientCallbacks } from "../../src/client/client-callbacks.ts";
import type { WSReconnectingEvent } from "../../src/client/events.ts";
import { MessageIterator } from "../../src/client/message-iterator.ts";

const again = { type: "reconnected", attempts: 1, away: 2 } as const;

test("callbacks are methods of the handler, with the client", () => {
  const ws = {};
  const handler = {
    onOpen(...args: unknown[]): unknown[] {
      return [this, ...args];
    },
  };
  expect(new ClientCallbacks(ws, handler).open(undefined)).toEqual([handler, ws, { type: "open", reconnected: false }]);
  expect(new ClientCallbacks(ws, handler).open(again)).toEqual([handler, ws, { type: "open", reconnected: true }]);
});

test("onReconnected is called in place of onOpen", () => {
  const handler = { onOpen: () => "open", onReconnected: () => "reconnected" };
  const callbacks = new ClientCallbacks({}, handler);
  expect([callbacks.open(undefined), callbacks.open(again)]).toEqual(["open", "reconnected"]);
});

const lost = { type: "reconnecting", delay: 1, code: 1006, reason: undefined, errors: [] } as const;

test("without onReconnecting the process is warned of the fifth dial in a row that fails", () => {
  const warn = vi.fn();
  const silent = new ClientCallbacks({}, {});
  const cause = new Error("why");
  const errors = [{ cause }] as unknown as WSReconnectingEvent["errors"];
  for (let attempt = 1; attempt < 9; attempt++) silent.reconnecting({ ...lost, attempt, errors }, { warn });
  expect(warn.mock.calls).toEqual([[cause]]);
  const told = vi.fn(() => "told");
  expect(new ClientCallbacks({}, { onReconnecting: told }).reconnecting({ ...lost, attempt: 5 }, { warn })).toBe(
    "told",
  );
  expect(warn).toHaveBeenCalledTimes(1);
});

test("somebody is told of an error: onError, who waits for the first connection, or who iterates", () => {
  expect(new ClientCallbacks({}, { onError: () => undefined }).isErrorHeard).toBe(true);
  const callbacks = new ClientCallbacks({}, { onError: null });
  expect(callbacks.isErrorHeard).toBe(false);
  callbacks.iterator = new MessageIterator();
  expect(callbacks.isErrorHeard).toBe(false);
  void callbacks.iterator.next();
  expect(callbacks.isErrorHeard).toBe(true);
});

test("the signal aborts once", () => {
  const callbacks = new ClientCallbacks({}, {});
  let count = 0;
  callbacks.signal.addEventListener("abort", () => count++);
  callbacks.abortSignal();
  callbacks.abortSignal();
  expect([count, callbacks.signal.aborted]).toEqual([1, true]);
});
