import { type CompressionSettings, DEFAULT_COMPRESSION } from "./settings.ts";
import { InvalidArgumentError } from "../errors/errors.ts";
import { similarName } from "../util/similar.ts";
import { describe } from "../util/describe.ts";
import { type Range, readNumber } from "../util/number-range.ts";

/** How messages are compressed, with peers that agree (permessage-deflate, RFC 7692). */
export interface CompressionOptions {
  /** Messages with fewer bytes are sent as they are. Default 256. */
  readonly threshold?: number | undefined;
  /** How hard zlib searches, from 1 (fast) to 9 (small). Default 4. */
  readonly level?: number | undefined;
  /** How much memory zlib uses for its state, from 1 to 9. Default 5. */
  readonly memLevel?: number | undefined;
  /** The size of the window as a power of two, from 9 (512 bytes) to 15 (32 KiB). A client may ask for a smaller one. Default 12. */
  readonly windowBits?: number | undefined;
  /**
   * Whether a message may refer to those sent before it on the same connection, which makes it smaller. `false` (default): no
   * memory for each connection. `{ pool: n }`: the n connections that have sent last have it; each of these takes about 116 KiB
   * with the default window.
   */
  readonly contextTakeover?: false | { readonly pool: number } | undefined;
}

const ranges = {
  threshold: { min: 0, default: DEFAULT_COMPRESSION.threshold, max: Number.MAX_SAFE_INTEGER, allowsInfinity: true },
  level: { min: 1, default: DEFAULT_COMPRESSION.level, max: 9, allowsInfinity: false },
  memLevel: { min: 1, default: DEFAULT_COMPRESSION.memLevel, max: 9, allowsInfinity: false },
  windowBits: { min: 9, default: DEFAULT_COMPRESSION.windowBits, max: 15, allowsInfinity: false },
} as const satisfies Record<string, Range>;

/** The most deflaters of a pool: with the largest window they take 1.8 GB. */
const POOL: Range = { min: 1, default: 0, max: 8192, allowsInfinity: false };

const names = [...Object.keys(ranges), "contextTakeover"];

/**
 * Checks the option `compression`, and fills in its defaults. Undefined: no compression.
 *
 * @throws {InvalidArgumentError} for a value of another type, or an option that does not exist
 * @throws {OutOfRangeError} for a number out of range
 */
export function readCompression(value: unknown): CompressionSettings | undefined {
  if (value === undefined || value === false) return undefined;
  if (value !== true && (typeof value !== "object" || value === null))
    throw new InvalidArgumentError(`compression: expected true, false or an object, got ${describe(value)}`);
  const given = (value === true ? {} : value) as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`compression: there is no option ${JSON.stringify(unknown)}${suggestion(unknown)}`);
  const number = (name: keyof typeof ranges): number => readNumber(`compression: ${name}`, given[name], ranges[name]);
  return {
    threshold: number("threshold"),
    level: number("level"),
    memLevel: number("memLevel"),
    windowBits: number("windowBits"),
    pool: readPool(given["contextTakeover"]),
  };
}

function readPool(value: unknown): number {
  if (value === undefined || value === false) return 0;
  if (typeof value !== "object" || value === null)
    throw new InvalidArgumentError("compression: contextTakeover: expected false, or an object like { pool: 64 }");
  const { pool } = value as { pool?: unknown };
  if (pool === undefined)
    throw new InvalidArgumentError("compression: contextTakeover: pool: expected a number: each deflater takes memory");
  return readNumber("compression: contextTakeover: pool", pool, POOL);
}

function suggestion(name: string): string {
  const meant = similarName(name, names);
  return meant === undefined ? "" : `: did you mean ${meant}?`;
}
