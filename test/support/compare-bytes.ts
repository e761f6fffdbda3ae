import { expect } from "vitest";

const ADDED = Symbol.for("hawser.test.compareBytes");

// The runner compares bytes one by one, which takes seconds for megabytes. The file before may have run in the same process.
if (!(ADDED in expect)) {
  Object.defineProperty(expect, ADDED, { value: true });
  expect.addEqualityTesters([haveSameBytes]);
}

function haveSameBytes(a: unknown, b: unknown): boolean | undefined {
  if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return undefined;
  if (Buffer.compare(a, b) !== 0) return false;
  // What else they have, the runner compares.
  return Object.getPrototypeOf(a) === Object.getPrototypeOf(b) ? true : undefined;
}
