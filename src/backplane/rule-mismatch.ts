import { HawserError } from "../errors/errors.ts";

/**
 * Compares what two servers keep of topics with history: with different rules, one of them removes messages that the other one needs, or does
 * not store them at all.
 *
 * @param own the rules of a server, as `DriverHost.rules`
 * @param others the same of another one
 * @returns the error that names a difference; undefined: there is none
 */
export function ruleMismatch(own: string, others: string): HawserError | undefined {
  if (own === others) return undefined;
  const [here, there] = [read(own), read(others)];
  const key = Object.keys({ ...here, ...there }).find((name) => shown(here[name]) !== shown(there[name]));
  if (key === undefined) return undefined;
  const detail = `${JSON.stringify(key)} has ${shown(here[key])} here, and ${shown(there[key])} there`;
  return new HawserError("HWS_BACKPLANE_MISMATCH", detail);
}

/** What is none of ours is no rules. */
function read(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

function shown(rule: unknown): string {
  return rule === undefined ? "no history" : JSON.stringify(rule);
}
