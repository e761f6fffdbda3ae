import type { HistoryRule } from "../backplane/contract.ts";
import { InvalidArgumentError } from "../errors/errors.ts";
import { describe } from "../util/describe.ts";
import { type Range } from "../util/number-range.ts";
import { readTable } from "../util/option-table.ts";
import { checkTopic } from "./topic-name.ts";

/** How much of a topic is kept. */
export interface HistoryOptions {
  /** The newest messages that are kept: 1 to 10,000. Default 100. */
  readonly size?: number | undefined;
  /** Milliseconds for which a message is kept: 10,000 (10 s) to 2,592,000,000 (30 days). Default 300,000 (5 minutes). */
  readonly ttl?: number | undefined;
}

const SECOND = 1_000;
const DAY = 86_400_000;

const ruleOptions = {
  size: { min: 1, default: 100, max: 10_000, allowsInfinity: false },
  ttl: { min: 10 * SECOND, default: 300 * SECOND, max: 30 * DAY, allowsInfinity: false },
} as const satisfies Record<string, Range>;

/** Which topics have a history, and how long it is. */
export class HistoryRules {
  /** All of them, as JSON with sorted keys: what servers compare. */
  readonly text: string;
  readonly #exact = new Map<string, HistoryRule>();
  /** The longest first. */
  readonly #prefixes: (readonly [prefix: string, rule: HistoryRule])[] = [];

  /** @param rules the key is a topic, or the beginning of topics and a `*` */
  constructor(rules: Readonly<Record<string, HistoryRule>>) {
    const sorted = Object.entries(rules).sort(([a], [b]) => (a < b ? -1 : 1));
    this.text = JSON.stringify(Object.fromEntries(sorted.map(([key, { size, ttl }]) => [key, { size, ttl }])));
    for (const [key, rule] of sorted) {
      if (key.endsWith("*")) this.#prefixes.push([key.slice(0, -1), rule]);
      else this.#exact.set(key, rule);
    }
    this.#prefixes.sort(([a], [b]) => b.length - a.length);
  }

  /** The rule of a topic: that of its name, or of its longest beginning. Undefined: it has no history. */
  ruleOf(topic: string): HistoryRule | undefined {
    return this.#exact.get(topic) ?? this.#prefixes.find(([prefix]) => topic.startsWith(prefix))?.[1];
  }
}

/**
 * Reads the option `history`.
 *
 * @throws {InvalidArgumentError} for a value of another type, or a key that is no topic
 * @throws {OutOfRangeError} for a number out of range
 */
export function readHistory(value: unknown): HistoryRules | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new InvalidArgumentError(
      `history: expected an object like { "chat:*": { size: 100 } }, got ${describe(value)}`,
    );
  const rules = Object.entries(value as Record<string, unknown>).map(([key, options]) => {
    // "*" alone is every topic.
    if (key !== "*") checkTopic("history", key.replace(/\*$/, ""));
    return [key, readRule(key, options)] as const;
  });
  return rules.length === 0 ? undefined : new HistoryRules(Object.fromEntries(rules));
}

function readRule(key: string, options: unknown): HistoryRule {
  const name = `history: ${JSON.stringify(key)}`;
  if (typeof options !== "object" || options === null)
    throw new InvalidArgumentError(
      `${name}: expected an object like { size: 100, ttl: 300_000 }, got ${describe(options)}`,
    );
  return readTable(ruleOptions, options, { maxSize: "size", maxAge: "ttl" }, `${name}: `);
}
