import { isAnyArrayBuffer } from "node:util/types";

import { stringify } from "./json-text.ts";
import { isStream } from "./stream-source.ts";

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
  if (isAnyArrayBuffer(message)) return undefined;
  const json = stringify(message);
  return json === "{}" && isStream(message) ? undefined : json;
}
