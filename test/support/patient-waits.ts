import { vi } from "vitest";

/** Milliseconds that `vi.waitFor` and `vi.waitUntil` wait, where a test does not say. The runner's second is too short on a busy machine. */
const PATIENCE = 40_000;

const { waitFor, waitUntil } = vi;
vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));

function patient<T extends { timeout?: number }>(options: number | T = {} as T): number | T {
  return typeof options === "number" ? options : { timeout: PATIENCE, ...options };
}
