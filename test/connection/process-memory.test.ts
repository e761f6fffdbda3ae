import { totalmem } from "node:os";
import { expect, onTestFinished, test, vi } from "vitest";
import { shareOfMemory } from "../../src/connection/process-memory.ts";

const MIB = 2 ** 20;

test.each([
  [0, Math.floor(totalmem() / 4)],
  [undefined, Math.floor(totalmem() / 4)],
  [2 ** 64, Math.floor(totalmem() / 4)],
  [400 * MIB, 100 * MIB],
  [40 * MIB, 64 * MIB],
])("with %d bytes for the process the share is %i", (constrained, expected) => {
  const spy = vi.spyOn(process, "constrainedMemory").mockReturnValue(constrained!);
  onTestFinished(() => spy.mockRestore());
  expect(shareOfMemory()).toBe(expected);
});
