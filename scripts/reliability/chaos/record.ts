import type { Circumstances } from "../machine.ts";
import type { Totals } from "./traffic.ts";

/** How large a run is. */
export interface Scale {
  readonly isShort: boolean;
  readonly nodes: number;
  readonly topics: number;
  readonly clients: number;
  readonly publishers: number;
  /** Messages a second of each publisher. */
  readonly rate: number;
  /** Seconds for which slow clients read slowly. */
  readonly slowSeconds: number;
}

/** How long something took. Too long is marked, and is no failure: the machine may be busy. */
export interface Recovery {
  readonly what: string;
  readonly milliseconds: number;
  /** The bound in milliseconds; undefined: there is none. */
  readonly bound: number | undefined;
}

/** Something that must be so. */
export interface Check {
  readonly what: string;
  readonly ok: boolean;
  /** What was found. */
  readonly found: string;
}

/** What a row has measured. */
export interface Outcome {
  /** Undefined: the row has no traffic of numbered messages. */
  readonly totals?: Totals;
  readonly recoveries?: readonly Recovery[];
  readonly checks?: readonly Check[];
  /** What else is of interest. */
  readonly notes?: readonly string[];
}

/** A row of the table. */
export interface RowRecord extends Required<Omit<Outcome, "totals">> {
  readonly name: string;
  readonly failure: string;
  readonly promise: string;
  readonly seconds: number;
  readonly totals: Totals | undefined;
}

/** The result of a run. */
export interface ChaosRecord {
  readonly circumstances: Circumstances;
  readonly redis: string;
  readonly scale: Scale;
  readonly seconds: number;
  readonly rows: readonly RowRecord[];
}

/** A check. */
export function check(what: string, ok: boolean, found: unknown): Check {
  return { what, ok, found: typeof found === "string" ? found : JSON.stringify(found) };
}

/** What the topics promise, whatever fails: nothing is lost in silence, nothing comes twice, the order is kept. */
export function broken({ totals, checks }: Pick<RowRecord, "totals" | "checks">): string[] {
  const failed = checks.filter(({ ok }) => !ok).map(({ what, found }) => `${what}: ${found}`);
  if (totals === undefined) return failed;
  const { history, plain } = totals;
  const counts: readonly (readonly [string, number])[] = [
    ["lost in silence", history.lost - history.told],
    ["doubled", history.doubled],
    ["out of order", history.outOfOrder],
    ["rejected, or foreign, and delivered", history.unexpected + plain.unexpected],
    ["doubled, without history", plain.doubled],
    ["out of order, without history", plain.outOfOrder],
  ];
  return [...failed, ...counts.filter(([, n]) => n > 0).map(([what, n]) => `${what}: ${String(n)}`)];
}

/** Whether all rows have kept what is promised. */
export function isGood({ rows }: Pick<ChaosRecord, "rows">): boolean {
  return rows.every((row) => broken(row).length === 0);
}

/** A failure that is tried. */
export interface Row {
  /** For the command line. */
  readonly name: string;
  readonly failure: string;
  /** What users see. */
  readonly promise: string;
  readonly run: (scale: Scale) => Promise<Outcome>;
}
