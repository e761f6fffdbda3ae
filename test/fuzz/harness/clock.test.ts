import { afterEach, beforeEach, expect, test } from "vitest";
import { Clock } from "../../../fuzz/harness/clock.ts";

let clock: Clock;
beforeEach(() => {
  clock = new Clock();
  clock.install();
});
afterEach(() => {
  clock.uninstall();
});

test("a timer runs when its time has come, not before, with its arguments", () => {
  const ran: string[] = [];
  setTimeout((name: string) => ran.push(name), 100, "a");
  clock.advance(99);
  expect(ran).toEqual([]);
  clock.advance(1);
  expect([ran, clock.pending]).toEqual([["a"], 0]);
});

test("timers run in the order of their times, and the clock shows each one's", () => {
  const ran: number[] = [];
  for (const delay of [30, 10, 20]) setTimeout(() => ran.push(Date.now() - start), delay);
  const start = Date.now();
  clock.advance(100);
  expect(ran).toEqual([10, 20, 30]);
  expect(Date.now() - start).toBe(100);
});

test("a timer that was cleared does not run", () => {
  const ran: number[] = [];
  clearTimeout(setTimeout(() => ran.push(1), 10));
  clearTimeout(undefined);
  clock.advance(100);
  expect([ran, clock.pending]).toEqual([[], 0]);
});

test("an interval runs again and again, until it is cleared", () => {
  const ran: number[] = [];
  const interval = setInterval(() => {
    if (ran.push(1) === 3) clearInterval(interval);
  }, 10);
  clock.advance(100);
  expect([ran.length, clock.pending]).toEqual([3, 0]);
});

test("a timer that is set again waits again", () => {
  const ran: number[] = [];
  const timer = setTimeout(() => ran.push(1), 10);
  clock.advance(9);
  timer.refresh().unref().ref();
  clock.advance(9);
  expect(ran).toEqual([]);
  clock.advance(1);
  expect(ran).toEqual([1]);
});

test("a timer set by another runs in its own time", () => {
  const ran: number[] = [];
  const start = performance.now();
  setTimeout(() => setTimeout(() => ran.push(performance.now() - start), 5), 10);
  clock.advance(100);
  expect(ran).toEqual([15]);
});

test("uninstalling restores the real timers", () => {
  clock.uninstall();
  const [fake, real] = [clock.now, Date.now()];
  expect(real).not.toBe(fake);
  expect(setTimeout.name).toBe("setTimeout");
  expect(Object.hasOwn(performance, "now")).toBe(false);
});
