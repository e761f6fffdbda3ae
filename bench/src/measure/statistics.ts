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
  /**
   * The true median is in this interval with a probability of at least 95 %. It gets narrower with more rounds. Undefined for
   * fewer than six rounds: then even the lowest and the highest round are not that sure.
   */
  readonly interval?: { readonly low: number; readonly high: number };
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
  rounds.sort((a, b) => a - b);
  const interval = medianInterval(rounds);
  return {
    median: median(rounds),
    ...(interval && { interval }),
    lowest: rounds[0]!,
    highest: rounds.at(-1)!,
  };
}

/** The interval of a ratio, or its lowest and highest round if there were too few rounds. */
export function rangeOf({ interval, lowest, highest }: Ratio): { readonly low: number; readonly high: number } {
  return interval ?? { low: lowest, high: highest };
}

/**
 * The 95 % interval of the median, from the order of the values alone, so it does not depend on how the noise is distributed:
 * each value is above the true median with a probability of one half, and that many are by the binomial distribution.
 */
function medianInterval(sorted: readonly number[]): Ratio["interval"] {
  const n = sorted.length;
  let outside = 0;
  let probability = 2 * 0.5 ** n;
  // `probability` is that of exactly `outside` values on one side of the true median, for both sides.
  for (let sum = probability; sum <= 0.05; sum += probability) {
    outside++;
    probability *= (n - outside + 1) / outside;
  }
  return outside === 0 ? undefined : { low: sorted[outside - 1]!, high: sorted[n - outside]! };
}
