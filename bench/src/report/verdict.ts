import type { Kind } from "../load/job.ts";
import type { Ratio } from "../measure/statistics.ts";
import type { Row } from "./summary.ts";

/** What decides about a goal. */
export type Judged = Pick<Row, "throughput" | "cost" | "goal" | "disturbedRounds" | "samples">;

/**
 * Whether a row's goals were reached: `/s ≥ 14×: missed`. With a question mark where the machine may have decided.
 *
 * @param ours - the row that the ratios are held against
 */
export function verdictsOf(kind: Kind, ours: Judged, row: Judged): string[] {
  const { throughput: atLeast, cost: atMost } = row.goal ?? {};
  const disturbed = isMostlyDisturbed(ours) || isMostlyDisturbed(row);
  const verdicts: string[] = [];
  // Throughput that others on the machine have cut proves nothing, on either side of the ratio.
  if (atLeast !== undefined && row.throughput)
    verdicts.push(verdict(`/s ≥ ${atLeast}×`, row.throughput.median >= atLeast, disturbed));
  // CPU time stands more; but where rounds differ about the goal, the disturbance may be why.
  if (atMost !== undefined && row.cost)
    verdicts.push(
      verdict(`${costName(kind)} ≤ ${atMost}×`, row.cost.median <= atMost, disturbed && straddles(row.cost, atMost)),
    );
  return verdicts;
}

/** What a work's cost is counted in, as the heads of the columns have it. */
export function costName(kind: Kind): string {
  return kind === "idle" ? "bytes" : kind === "latency" ? "p99" : "CPU";
}

function verdict(goal: string, reached: boolean, doubtful: boolean): string {
  return `${goal}: ${reached ? "reached" : "missed"}${doubtful ? "?" : ""}`;
}

/** In half of its rounds or more. Memory has none that could be disturbed. */
function isMostlyDisturbed({ disturbedRounds, samples }: Judged): boolean {
  return disturbedRounds > 0 && 2 * disturbedRounds >= samples.length;
}

/** Whether a goal of at most so much was reached in one round and missed in another. */
function straddles(ratio: Ratio, atMost: number): boolean {
  return ratio.lowest <= atMost && ratio.highest > atMost;
}
