import { HawserError, withoutStack } from "../../errors/errors.ts";
import type { ErrorCode } from "../../errors/table.ts";
import { type JsonLimits, exceededLimit, mayReachPrototype, removePrototypeKeys } from "../../util/json-checks.ts";
import { afterEachTurn, requestTurnEnd } from "../transport/turn.ts";

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
    const exceeded = exceededLimit(text, limits);
    if (exceeded !== undefined) throw withoutStack(() => new HawserError(exceeded));
    return JSON.parse(text) as unknown;
  } catch (cause) {
    hasFailed = true;
    requestTurnEnd();
    if (cause instanceof HawserError) throw cause;
    throw withoutStack(() => new HawserError("HWS_INVALID_JSON", undefined, { cause }));
  }
}
