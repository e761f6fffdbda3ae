/** The result of one target. */
export interface Result {
  readonly target: string;
  /** The number of inputs tried, including those of the corpus. */
  readonly inputs: number;
  readonly seconds: number;
  /** The number of inputs in the corpus, before and after. */
  readonly corpus: readonly [before: number, after: number];
  /** Blocks of the library's code that were entered: by the corpus alone, and at the end. */
  readonly blocks: readonly [before: number, after: number];
  /** Blocks, and how often each was entered: 1, 2, 4 … times. */
  readonly features: readonly [before: number, after: number];
  /** Invariants that did not hold. */
  readonly crashes: readonly string[];
}

const HEADS = ["target", "inputs tried", "inputs/s", "corpus", "blocks", "features", "crashes"] as const;

/** The table of a run. */
export function tableOf(results: readonly Result[]): string {
  const rows = results.map(({ target, inputs, seconds, corpus, blocks, features, crashes }) => [
    target,
    ...[inputs, Math.round(inputs / Math.max(seconds, 0.001))].map((number) => number.toLocaleString("en")),
    ...[corpus, blocks, features].map(([before, after]) => `${String(before)} → ${String(after)}`),
    String(crashes.length),
  ]);
  const widths = HEADS.map((head, i) => Math.max(head.length, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  return [line(HEADS), ...rows.map(line)].join("\n");
}

/** The results as JSON, with the seed, and the version of Node and the platform. */
export function jsonOf(results: readonly Result[], seed: number): string {
  const total = {
    inputs: results.reduce((sum, { inputs }) => sum + inputs, 0),
    crashes: results.reduce((sum, { crashes }) => sum + crashes.length, 0),
  };
  return `${JSON.stringify({ node: process.version, platform: `${process.platform} ${process.arch}`, seed, total, targets: results }, null, 2)}\n`;
}
