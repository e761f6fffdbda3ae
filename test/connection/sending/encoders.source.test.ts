import type * as crypto from "node:crypto";
import { expect, test, vi } from "vitest";

const made = vi.hoisted(() => ({ count: 0 }));

vi.mock("node:crypto", async (original) => ({
  ...(await original<typeof crypto>()),
  randomFillSync: (keys: Int32Array) => keys.map((_, i, all) => (all[i] = ++made.count * 7)),
}));

// shows 6455-5.3-3
test("masking keys are what node:crypto has made, each once, and nothing else", async () => {
  const { randomKey } = await import("../../../src/connection/sending/encoders.ts");
  const keys = Array.from({ length: 600 }, randomKey);
  expect(keys).toEqual(keys.map((_, i) => (i + 1) * 7));
  expect(made.count).toBeGreaterThanOrEqual(600);
});
