import { inspect, types } from "node:util";

import { attempt, isInstanceOf } from "../../util/attempt.ts";

/** A longer text is cut: it is kept, and shown in warnings. The value itself is passed on whole, as `cause`. */
const MAX_LENGTH = 1000;

/** Of an object with more properties only their number is shown: a peer may choose it, and 100,000 take 250 ms. */
const MAX_PROPERTIES = 100;

/** What of an object is shown: no object inside it, and nothing that calls its code. */
const SHOWN = { depth: 0, maxArrayLength: 10, maxStringLength: 200, breakLength: Infinity, customInspect: false };

/** Anything that was thrown, as a text for people: an error's message, or what the value is. Nothing that it does throws here. */
export function thrownText(value: unknown): string {
  // No closure: a peer causes many errors, and their messages can be read.
  let text: string;
  try {
    text = isError(value) ? messageOf(value) : textOf(value);
  } catch {
    text = textOfUnreadable(value);
  }
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH)}…`;
}

function textOfUnreadable(value: unknown): string {
  return attempt(() => shown(value)) ?? `Something that cannot be read was thrown (${typeof value})`;
}

/** Whether a value is an error, also of another realm (`node:vm`). */
export function isError(value: unknown): value is Error {
  return isInstanceOf(value, Error) || types.isNativeError(value);
}

function messageOf({ message, name }: Error): string {
  return textOf(message) || textOf(name);
}

function textOf(value: unknown): string {
  if (typeof value === "function" || Array.isArray(value) || ArrayBuffer.isView(value)) return shown(value);
  if (typeof value !== "object" || value === null) return String(value);
  const own = attempt(() => String(value as { toString(): string }));
  // An object that has no text of its own.
  if (own !== undefined && !own.startsWith("[object ")) return own;
  const { length } = Object.keys(value);
  return length > MAX_PROPERTIES ? `An object with ${String(length)} properties` : shown(value);
}

/** In one line. */
function shown(value: unknown): string {
  return inspect(value, SHOWN).replace(/\s*\n\s*/g, " ");
}
