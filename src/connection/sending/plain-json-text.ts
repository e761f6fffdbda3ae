import { isAnyArrayBuffer } from "node:util/types";

import { stringify } from "./json-text.ts";

/**
 * The JSON of an object or array without a class, of this realm: most messages that are objects. It needs no other check.
 *
 * @returns undefined for anything else
 * @throws as `jsonText`
 */
export function plainJsonText(message: unknown): string | undefined {
  if (typeof message !== "object" || message === null || ArrayBuffer.isView(message)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(message);
  if (prototype !== Object.prototype && prototype !== Array.prototype) return undefined;
  // Its prototype may have been replaced.
  return isAnyArrayBuffer(message) ? undefined : stringify(message);
}
