import { describe, expect, test } from "vitest";
import { isTransferred, memoryTransferredError } from "../../src/protocol/transferred-memory.ts";

describe("memory that was transferred", () => {
  test("is noticed in each view of it", () => {
    const memory = new ArrayBuffer(8);
    const views = [Buffer.from(memory), Buffer.from(memory, 4, 2), Buffer.from(memory, 8, 0)];
    expect(views.map(isTransferred)).toEqual([false, false, false]);
    structuredClone(memory, { transfer: [memory] });
    expect(views.map(isTransferred)).toEqual([true, true, true]);
  });

  test("is not that of an empty message, nor anything that is not bytes", () => {
    for (const other of [Buffer.allocUnsafeSlow(0), Buffer.alloc(4).subarray(4), "", undefined, {}])
      expect(isTransferred(other)).toBe(false);
  });

  test("has an error that says what to do", () => {
    const { code, message } = memoryTransferredError();
    expect([code, message]).toEqual(["HWS_MEMORY_TRANSFERRED", expect.stringContaining("transfer a copy")]);
  });
});
