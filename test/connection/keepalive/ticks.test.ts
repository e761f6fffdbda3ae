import { expect, test } from "vitest";
import { toTicks } from "../../../src/connection/keepalive/ticks.ts";

const times = { pingInterval: 25_000, pingTimeout: 20_000, idleTimeout: Infinity, maxLifetime: Infinity };

test("a tick is a twentieth of the shortest time, between 5 ms and a second", () => {
  expect([20_000, 2_000, 20].map((pingTimeout) => toTicks({ ...times, pingTimeout }).tickMs)).toEqual([1_000, 100, 5]);
});

test("the ping comes within its interval, other times are rounded up, and never stays never", () => {
  expect(toTicks({ ...times, idleTimeout: 20_500 })).toEqual({
    tickMs: 1_000,
    pingInterval: 21,
    pingTimeout: 20,
    idleTimeout: 21,
    maxLifetime: Infinity,
  });
});

test("without pings nothing waits for their answer", () => {
  expect(toTicks({ ...times, pingInterval: Infinity })).toMatchObject({ tickMs: 1_000, pingTimeout: Infinity });
});
