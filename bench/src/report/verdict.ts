import { type Kind, isPaced } from "../load/job.ts";
import { type Ratio, rangeOf } from "../measure/statistics.ts";
import type { Row } from "./summary.ts";

/** The parts of a row that decide about a goal. */
export type JudgedRow = Pick<
  Row,
  "throughput" | "cost" | "goal" | "disturbedRounds" | "samples" | "bytesPerConnection"
>;

/**
 * Whether the goals of a row were reached, for example `/s ≥ 14×: missed`. A question mark means that a disturbance may be the
 * reason.
 *
 * @param ours - the row of hawser
 */
export function verdictsOf(kind: Kind, ours: JudgedRow, row: JudgedRow): string[] {
  const { throughput: atLeast, cost: atMost, moreBytes } = row.goal ?? {};
  const disturbed = isMostlyDisturbed(ours) || isMostlyDisturbed(row);
  const verdicts: string[] = [];
  // The throughput of a disturbed run proves nothing, for either server.
  if (atLeast !== undefined && row.throughput)
    verdicts.push(verdict(`/s ≥ ${atLeast}×`, row.throughput.median >= atLeast, disturbed));
  // CPU time depends less on disturbances. But if rounds differ about the goal, a disturbance may be the reason.
  if (atMost !== undefined && row.cost)
    verdicts.push(
      verdict(
        `${costName(kind)} ≤ ${atMost}×`,
        row.cost.median <= atMost,
        disturbed && includesLimit(row.cost, atMost),
      ),
    );
  if (moreBytes !== undefined && ours.bytesPerConnection !== null && row.bytesPerConnection !== null) {
    const more = ours.bytesPerConnection - row.bytesPerConnection;
    verdicts.push(verdict(`bytes ≤ +${moreBytes}`, more <= moreBytes, false));
  }
  return verdicts;
}

/** The name of the cost of a kind of load, as in the heads of the columns. */
export function costName(kind: Kind): string {
  return kind === "idle" ? "bytes" : isPaced(kind) ? "p99" : "CPU";
}

function verdict(goal: string, reached: boolean, doubtful: boolean): string {
  return `${goal}: ${reached ? "reached" : "missed"}${doubtful ? "?" : ""}`;
}

/** Whether at least half of the rounds were disturbed. Memory has no such rounds. */
function isMostlyDisturbed({ disturbedRounds, samples }: JudgedRow): boolean {
  return disturbedRounds > 0 && 2 * disturbedRounds >= samples.length;
}

/** Whether a maximum lies within the interval of a ratio. */
function includesLimit(ratio: Ratio, atMost: number): boolean {
  const { low, high } = rangeOf(ratio);
  return low <= atMost && high > atMost;
}
