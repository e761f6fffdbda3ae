import { HawserError, withoutStack } from "../../errors/errors.ts";
import type { ErrorCode } from "../../errors/table.ts";
import { afterEachTurn, requestTurnEnd } from "../transport/turn.ts";

/** Limits of what a JSON text may contain. */
export interface JsonLimits {
  /** Depth of arrays and objects inside each other. */
  readonly maxJsonDepth: number;
  /** Values in all: each array, object, string, number, true, false and null. */
  readonly maxJsonValues: number;
}

/** Deep enough for real messages, and far below what makes a recursive function run out of stack. */
export const DEFAULT_MAX_JSON_DEPTH = 64;

/** More than real messages have. A mebibyte of `{},` would become 350,000 objects, which take twenty times its bytes. */
export const DEFAULT_MAX_JSON_VALUES = 100_000;

const ERRORS: ReadonlySet<ErrorCode> = new Set(["HWS_INVALID_JSON", "HWS_JSON_TOO_DEEP", "HWS_JSON_TOO_BIG"]);

/** Whether an error is one of `parseJson`. */
export function isJsonError(code: ErrorCode): boolean {
  return ERRORS.has(code);
}

const BYTE_ORDER_MARK = 0xfeff;
const SPACE = 0x20;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Parses a peer's JSON text, within the limits, and without keys through which a prototype could be changed when the value is
 * merged into another object: `__proto__`, and a `constructor` that has a `prototype`, are left out. `JSON.parse` alone would
 * make own properties of them.
 *
 * @throws {HawserError} for a text that is not JSON, or that is beyond a limit
 */
export function parseJson(text: string, limits: JsonLimits): unknown {
  // RFC 8259 8.1: a byte order mark may be ignored.
  const json = text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
  const value = hasFailed ? withoutStack(() => parse(json, limits)) : parse(json, limits);
  if (mayReachPrototype(text)) removePrototypeKeys(value);
  return value;
}

/** Whether a text was invalid in this turn. Then the next errors have no stacks: a flood of them would make two for each. */
let hasFailed = false;

afterEachTurn(() => {
  hasFailed = false;
});

function parse(text: string, limits: JsonLimits): unknown {
  try {
    checkLimits(text, limits);
    return JSON.parse(text) as unknown;
  } catch (cause) {
    hasFailed = true;
    requestTurnEnd();
    if (cause instanceof HawserError) throw cause;
    throw withoutStack(() => new HawserError("HWS_INVALID_JSON", undefined, { cause }));
  }
}

/** Checks the limits before parsing: beyond them no object is made. */
function checkLimits(text: string, { maxJsonDepth, maxJsonValues }: JsonLimits): void {
  // A short text cannot pass a limit: most messages are not scanned.
  if (text.length > maxJsonValues || (text.length > maxJsonDepth * 2 && opens(text, maxJsonDepth)))
    measure(text, maxJsonDepth, maxJsonValues);
}

/** Whether a text has more than `most` opening brackets, be they in strings. */
function opens(text: string, most: number): boolean {
  return count(text, "{", most) + count(text, "[", most) > most;
}

/** Counts a bracket in a text, and stops when there are more than `most`. */
function count(text: string, bracket: string, most: number): number {
  let found = 0;
  for (let at = text.indexOf(bracket); at >= 0 && found <= most; at = text.indexOf(bracket, at + 1)) found++;
  return found;
}

/** Counts depth and values without parsing. Text that is not JSON may be counted wrongly: the parser rejects it. */
function measure(text: string, maxDepth: number, maxValues: number): void {
  let depth = 0;
  let values = 1;
  /** After an opening bracket, before its first value, if there is one. */
  let first = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= SPACE) continue;
    const opens = code === 0x5b || code === 0x7b; // [ {
    const closes = code === 0x5d || code === 0x7d; // ] }
    if ((first && !closes) || code === COMMA) values++;
    first = opens;
    if (opens && ++depth > maxDepth) throw withoutStack(() => new HawserError("HWS_JSON_TOO_DEEP"));
    if (closes) depth--;
    if (code === QUOTE) at = endOfString(text, at);
    if (values > maxValues) throw withoutStack(() => new HawserError("HWS_JSON_TOO_BIG"));
  }
}

/** Where the string that begins at `at` ends: at its closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
    at = end + 1;
  }
}

/** Whether a dangerous key may be in the text: as it is, or with any of its letters escaped. */
function mayReachPrototype(text: string): boolean {
  // Both keys have "proto", which few texts have. `indexOf` takes a third of the time of `includes`, and less for short words.
  /* eslint-disable @typescript-eslint/prefer-includes */
  if (text.indexOf("proto") >= 0 && (text.includes("__proto__") || text.includes('"prototype"'))) return true;
  return text.indexOf("\\u00") >= 0;
  /* eslint-enable @typescript-eslint/prefer-includes */
}

/** Removes the dangerous keys at every depth. */
function removePrototypeKeys(value: unknown): void {
  const left = isObject(value) ? [value] : [];
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    if (!Array.isArray(one)) disarmObject(one);
    const values: readonly unknown[] = Array.isArray(one) ? one : Object.values(one);
    for (const inner of values) if (isObject(inner)) left.push(inner);
  }
}

function disarmObject(object: object): void {
  if (Object.hasOwn(object, "__proto__")) Reflect.deleteProperty(object, "__proto__");
  if (Object.hasOwn(object, "constructor") && hasPrototype(object.constructor))
    Reflect.deleteProperty(object, "constructor");
}

function hasPrototype(value: unknown): boolean {
  return isObject(value) && Object.hasOwn(value, "prototype");
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
