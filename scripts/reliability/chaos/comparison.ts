import { type Sent, codeOf, laneOf } from "./ledger.ts";

/** What was found when published messages were compared with those that subscribers got. */
export interface Comparison {
  /** Messages that were published. */
  published: number;
  /** Of these: `publish` has resolved. */
  accepted: number;
  /** Those of which nobody knows whether they are stored: `HWS_PUBLISH_UNCERTAIN`, or the publisher lost its connection. */
  uncertain: number;
  /** Those that were rejected. */
  rejected: number;
  /** Accepted messages, once for each subscriber that should get it. */
  expected: number;
  /** What the subscribers got. */
  delivered: number;
  /** Accepted messages that a subscriber did not get. */
  lost: number;
  /** Of these: the subscriber was told at that place that messages may be missing. The others are lost in silence. */
  told: number;
  /** Messages that came twice to a subscriber. */
  doubled: number;
  /** Messages that came after a later one of the same publisher. */
  outOfOrder: number;
  /** Messages that came although they were rejected, or were never published. */
  unexpected: number;
}

/** Nothing. */
export function emptyComparison(): Comparison {
  return {
    published: 0,
    accepted: 0,
    uncertain: 0,
    rejected: 0,
    expected: 0,
    delivered: 0,
    lost: 0,
    told: 0,
    doubled: 0,
    outOfOrder: 0,
    unexpected: 0,
  };
}

/** The sum. */
export function addComparison(sum: Comparison, one: Comparison): void {
  for (const key of Object.keys(sum) as (keyof Comparison)[]) sum[key] += one[key];
}

/** In the log of a subscriber: it was told that messages may be missing at this place. */
export const TOLD = -1;

/** What was published on a topic. */
export function countSent(sent: readonly Sent[]): Comparison {
  const counts = emptyComparison();
  counts.published = sent.length;
  for (const { fate } of sent) {
    if (fate === "accepted") counts.accepted++;
    else if (fate === "rejected") counts.rejected++;
    else counts.uncertain++;
  }
  return counts;
}

/**
 * Compares what was published on a topic with what one subscriber got.
 *
 * @param sent - all messages of the topic
 * @param log - the codes of the messages that the subscriber got, and `TOLD`, in order
 */
export function compareLog(sent: readonly Sent[], log: readonly number[]): Comparison {
  const result = emptyComparison();
  const places = new Map<number, number>();
  const lanes = new Map<number, number[]>();
  const known = new Set(sent.map(({ lane, number }) => codeOf(lane, number)));
  for (const [place, code] of log.entries()) {
    if (code === TOLD) continue;
    result.delivered++;
    if (places.has(code)) {
      result.doubled++;
      continue;
    }
    places.set(code, place);
    if (!known.has(code)) result.unexpected++;
    const lane = laneOf(code);
    const list = lanes.get(lane) ?? [];
    if (code < (list.at(-1) ?? 0)) result.outOfOrder++;
    list.push(code);
    lanes.set(lane, list);
  }
  for (const { lane, number, fate } of sent) {
    const code = codeOf(lane, number);
    const came = places.has(code);
    if (fate === "rejected" && came) result.unexpected++;
    if (fate !== "accepted") continue;
    result.expected++;
    if (came) continue;
    result.lost++;
    if (wasTold(log, places, lanes.get(lane) ?? [], code)) result.told++;
  }
  return result;
}

/** Whether the log says, between the neighbours of a message in its lane, that messages may be missing. */
function wasTold(
  log: readonly number[],
  places: ReadonlyMap<number, number>,
  lane: readonly number[],
  code: number,
): boolean {
  const next = lane.findIndex((other) => other > code);
  const before = lane[next === -1 ? lane.length - 1 : next - 1];
  const after = lane[next];
  const from = before === undefined ? 0 : (places.get(before) ?? 0);
  const to = after === undefined || next === -1 ? log.length : places.get(after);
  return log.slice(from, to).includes(TOLD);
}
