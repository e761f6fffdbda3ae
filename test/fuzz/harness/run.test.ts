import { expect, test } from "vitest";
import { runIsolated, turns } from "../../../fuzz/harness/run.ts";

test("an unhandled rejection fails its run", async () => {
  // Vitest has a listener for it too, which is off for that time.
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  const run = runIsolated(async () => {
    void Promise.reject(new Error("lost"));
    await turns(2);
  });
  await expect(run).rejects.toThrow(/the process gets an unhandledRejection: lost/);
  for (const listener of listeners) process.on("unhandledRejection", listener);
});

test("a warning fails its run", async () => {
  const listeners = process.listeners("warning");
  process.removeAllListeners("warning");
  const run = runIsolated(async () => {
    process.emitWarning("too many listeners");
    await turns(2);
  });
  await expect(run).rejects.toThrow(/the process gets an warning: too many listeners/);
  for (const listener of listeners) process.on("warning", listener);
});

test("two runs have the same random numbers and the same time, and the process has its own again after them", async () => {
  const luck: number[][] = [];
  for (const _run of [1, 2]) {
    await runIsolated(async () => {
      luck.push([Math.random(), Math.random(), Date.now()]);
      await turns(1);
    });
  }
  expect(luck[0]).toEqual(luck[1]);
  expect(Math.random()).not.toBe(luck[0]![0]);
});

test("an exception in a run is thrown to its caller, and the clock is restored", async () => {
  const { setTimeout: real } = globalThis;
  await expect(runIsolated(async () => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
  expect(globalThis.setTimeout).toBe(real);
});
