/** The middle value. If the number of values is even, it is the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The ratio between two servers, computed for each round. */
export interface Ratio {
  /** The median of the rounds. */
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/**
 * Divides the figures of one server by those of another, for each round. The two runs of a round follow each other, so that
 * a disturbance of the machine affects both.
 *
 * @returns null if a figure is missing
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
