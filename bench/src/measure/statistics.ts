/** The middle value; of an even number of them, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A ratio of two servers, taken round by round. */
export interface Ratio {
  /** Median of the rounds. */
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/**
 * How many times one server's figure is another's. Each round gives one ratio, of two runs a moment apart, so that what
 * slows the machine for a while slows both sides of it.
 *
 * @returns null when a figure is missing
 */
export function ratio(ours: readonly (number | null)[], theirs: readonly (number | null)[]): Ratio | null {
  const rounds: number[] = [];
  for (let i = 0; i < Math.min(ours.length, theirs.length); i++) {
    const [a, b] = [ours[i], theirs[i]];
    if (typeof a !== "number" || typeof b !== "number" || b === 0) return null;
    rounds.push(a / b);
  }
  if (rounds.length === 0) return null;
  return { median: median(rounds), lowest: Math.min(...rounds), highest: Math.max(...rounds) };
}
