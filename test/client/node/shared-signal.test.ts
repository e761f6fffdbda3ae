import { getMaxListeners, setMaxListeners } from "node:events";
import { WebSocket } from "hawser/client";
import { expect, test } from "vitest";
import { shareSignal } from "../../../src/client/node/shared-signal.ts";
import { attempt } from "../../../src/util/attempt.ts";
import { deferred, turn } from "../../support/peer.ts";

test("each client that lives has its own place among the listeners of a signal", async () => {
  const { signal } = new AbortController();
  // Newer versions of Node have no limit for signals.
  const most = 10;
  setMaxListeners(most, signal);
  const ended = deferred();
  shareSignal(signal, ended.promise);
  shareSignal(signal, new Promise(() => undefined));
  expect(getMaxListeners(signal)).toBe(most + 2);
  ended.resolve();
  await turn();
  expect(getMaxListeners(signal)).toBe(most + 1);
});

test("a signal without a limit, and none at all, stay as they are", () => {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  expect(() => shareSignal(signal, Promise.resolve())).not.toThrow();
  expect(() => shareSignal(undefined, Promise.resolve())).not.toThrow();
  // Still without a limit: a limit of 1 would warn of the second listener.
  expect(attempt(() => getMaxListeners(signal)) ?? 0).toBe(0);
});

test("many clients share a signal without a warning", async () => {
  const warnings: string[] = [];
  const note = ({ name }: Error): void => void warnings.push(name);
  process.on("warning", note);
  const controller = new AbortController();
  const { signal } = controller;
  const clients = Array.from({ length: 30 }, () => {
    return new WebSocket("ws://127.0.0.1:9", { onError: () => undefined }, { signal, reconnect: true });
  });
  await turn();
  controller.abort();
  await Promise.all(clients.map(({ closed }) => closed));
  await turn();
  process.off("warning", note);
  expect(warnings).toEqual([]);
});
