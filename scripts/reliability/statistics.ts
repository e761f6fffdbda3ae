/** A point of a line. */
export interface Point {
  /** The position, for example a number of connections. */
  readonly x: number;
  /** The value that was measured there. */
  readonly y: number;
}

/**
 * The slope of the line through the points, by the method of Theil and Sen: the median of the slopes between all pairs.
 * A few outliers do not change it. It is 0 for fewer than two points.
 */
export function slope(points: readonly Point[]): number {
  const slopes = points.flatMap((a, i) => points.slice(i + 1).map((b) => (b.y - a.y) / (b.x - a.x)));
  return median(slopes.filter(Number.isFinite));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const lower = sorted[Math.ceil(middle) - 1] ?? 0;
  const upper = sorted[Math.floor(middle)] ?? 0;
  return (lower + upper) / 2;
}
