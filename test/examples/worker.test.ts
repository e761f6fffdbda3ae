import { expect, onTestFinished, test } from "vitest";
import { type Entry, Worker, startLog } from "../../examples/worker.ts";
import { until } from "../support/peer.ts";

test("a worker gets every entry once and in order, although its connection is cut in between", async () => {
  const { wss, url, add, stop } = await startLog(0);
  onTestFinished(stop);
  const done: Entry[] = [];
  const worker = new Worker((entry) => done.push(entry));
  add("before it was there");
  const ws = worker.start(url);
  onTestFinished(() => ws.destroy());
  await until(() => done.length === 1);
  for (const cut of ["destroy", "close"] as const) {
    add(`just before ${cut}`);
    wss.connections.at(0)?.[cut]();
    await until(() => wss.connections.length === 0);
    add(`after ${cut}`);
    await until(() => wss.connections.length === 1);
    add("connected again");
    await until(() => done.length % 3 === 1 && done.at(-1)?.text === "connected again");
  }
  expect(done.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(worker.last).toBe(7);
});

test("an entry that was not done when the connection was cut is not lost, nor done twice", async () => {
  const { wss, url, add, stop } = await startLog(0);
  onTestFinished(stop);
  const done: number[] = [];
  let finish: (() => void) | undefined;
  const worker = new Worker(async ({ id }) => {
    if (id === 1 && done.length === 0) await new Promise<void>((resolve) => (finish = resolve));
    done.push(id);
  });
  const ws = worker.start(url);
  onTestFinished(() => ws.destroy());
  await until(() => wss.connections.length === 1);
  add("slow");
  add("next");
  await until(() => finish !== undefined);
  wss.connections.at(0)?.destroy();
  await until(() => wss.connections.length === 0);
  finish?.();
  await until(() => worker.last === 2);
  expect(done).toEqual([1, 2]);
});
