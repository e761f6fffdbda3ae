import { afterAll, vi } from "vitest";
import { PATIENCE } from "./patience.ts";

// Where a test does not say how long, the runner waits one second: too short on a busy machine.
const { waitFor, waitUntil } = vi;
vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));

// The next file may run in the same process, and does this again.
afterAll(() => {
  Object.assign(vi, { waitFor, waitUntil });
});

function patient<T extends { timeout?: number }>(options: number | T = {} as T): number | T {
  return typeof options === "number" ? options : { timeout: PATIENCE, ...options };
}
