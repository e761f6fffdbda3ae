import { InvalidArgumentError } from "../errors/errors.ts";
import { type Range, readNumber } from "./number-range.ts";
import { similarName } from "./similar.ts";

/** Checks the value of one option, and fills in its default. */
export type Reader<V> = (value: unknown, name: string) => V;

/** Options, each with its check: a range for a number, a function for the others. */
export type OptionTable = Readonly<Record<string, Range | Reader<unknown>>>;

/** The values of all options of a table, with their defaults filled in. */
export type ValuesOf<Table> = {
  readonly [N in keyof Table]: Table[N] extends Reader<infer V> ? V : number;
};

/**
 * Checks all options one by one, and fills in their defaults.
 *
 * @param aliases what other libraries call an option, for the message of an error
 * @param prefix is put before the name of an option in the message of an error, e.g. `"reconnect: "`
 * @throws {InvalidArgumentError} for an option of a wrong type, or one that does not exist
 * @throws {OutOfRangeError} for a number out of range
 */
export function readTable<const Table extends OptionTable>(
  table: Table,
  options: object,
  aliases: Readonly<Record<string, string>> = {},
  prefix = "",
): ValuesOf<Table> {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(table, name)) continue;
    const meant = Object.hasOwn(aliases, name) ? aliases[name] : similarName(name, Object.keys(table));
    const more = meant === undefined ? "" : `: did you mean ${meant}?`;
    throw new InvalidArgumentError(`${prefix || "options: "}there is no option ${JSON.stringify(name)}${more}`);
  }
  const given = options as Readonly<Record<string, unknown>>;
  const entries = Object.entries(table).map(([name, check]) => {
    const value = given[name];
    const shown = prefix + name;
    return [name, typeof check === "function" ? check(value, shown) : readNumber(shown, value, check)] as const;
  });
  return Object.fromEntries(entries) as ValuesOf<Table>;
}

/** Reads an option that has one of a few values. */
export function oneOf<const V extends string>(values: readonly V[], fallback: V): Reader<V> {
  return (value, name) => {
    if (value === undefined) return fallback;
    if ((values as readonly unknown[]).includes(value)) return value as V;
    throw new InvalidArgumentError(
      `${name}: expected one of ${values.map((known) => `"${known}"`).join(", ")}, got ${JSON.stringify(value)}`,
    );
  };
}
