import type { BackplaneStatus } from "../backplane/contract.ts";
import { type BackplaneCounters, newBackplaneCounters } from "../topics/backplane-counters.ts";
import type { BackplaneNode } from "../topics/backplane-node.ts";
import { type BackplaneFailures, newBackplaneFailures } from "./backplane-errors.ts";

/** What joins a server with others: a snapshot. */
export interface BackplaneState {
  /** What it is: `"memory"`, `"redis"`. */
  readonly driver: string;
  /** The name of this server among the others, which is new each time it starts; `""` without the option `backplane` and without `history`. */
  readonly node: string;
  /** Whether the broker can be reached. */
  readonly status: BackplaneStatus;
  /** What went between the servers, and how often the broker has failed, by what it was to do. */
  readonly counters: Readonly<BackplaneCounters> & { readonly failures: Readonly<BackplaneFailures> };
  /** Resolves when the broker was reached for the first time, or when the server has ended. */
  readonly ready: Promise<void>;
}

/** A server alone. */
export const NO_BACKPLANE: BackplaneState = Object.freeze({
  driver: "memory",
  node: "",
  status: "ready",
  counters: { ...newBackplaneCounters(), failures: newBackplaneFailures() },
  ready: Promise.resolve(),
});

/** The state of a server among others. */
export function backplaneState(node: BackplaneNode, failures: BackplaneFailures): BackplaneState {
  const { driver, ids, status, counters, ready } = node;
  return {
    driver: driver.name,
    node: ids.node,
    status,
    counters: { ...counters, failures: { ...failures } },
    ready,
  };
}
