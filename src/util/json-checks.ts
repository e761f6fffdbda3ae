/** Limits of what a JSON text may contain. */
export interface JsonLimits {
  /** Depth of arrays and objects inside each other. */
  readonly maxJsonDepth: number;
  /** Values in all: each array, object, string, number, true, false and null. */
  readonly maxJsonValues: number;
}

/** The codes of the errors for these limits. */
export type JsonLimitCode = "HWS_JSON_TOO_DEEP" | "HWS_JSON_TOO_BIG";

const SPACE = 0x20;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The limit that a text passes; undefined: none. It is checked before parsing, so that beyond it no object is made. */
export function exceededLimit(text: string, { maxJsonDepth, maxJsonValues }: JsonLimits): JsonLimitCode | undefined {
  // A short text cannot pass a limit: most messages are not scanned.
  if (text.length > maxJsonValues || (text.length > maxJsonDepth * 2 && opens(text, maxJsonDepth)))
    return measure(text, maxJsonDepth, maxJsonValues);
  return undefined;
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
function measure(text: string, maxDepth: number, maxValues: number): JsonLimitCode | undefined {
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
    if (opens && ++depth > maxDepth) return "HWS_JSON_TOO_DEEP";
    if (closes) depth--;
    if (code === QUOTE) at = endOfString(text, at);
    if (values > maxValues) return "HWS_JSON_TOO_BIG";
  }
  return undefined;
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
export function mayReachPrototype(text: string): boolean {
  // Both keys have "proto", which few texts have. `indexOf` takes a third of the time of `includes`, and less for short words.
  /* eslint-disable @typescript-eslint/prefer-includes */
  if (text.indexOf("proto") >= 0 && (text.includes("__proto__") || text.includes('"prototype"'))) return true;
  return text.indexOf("\\u00") >= 0;
  /* eslint-enable @typescript-eslint/prefer-includes */
}

/** Removes the dangerous keys at every depth. */
export function removePrototypeKeys(value: unknown): void {
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
