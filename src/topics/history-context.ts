import type { Driver, HistoryRule } from "../backplane/contract.ts";
import type { Identified } from "../util/registry.ts";
import type { HistoryCounters } from "./history-counters.ts";
import type { PageTurns, ReadTurns } from "./page-turns.ts";
import type { MemoryBudget } from "./recent-messages.ts";
import type { ReceiverCalls } from "./receiver-calls.ts";
import type { CheckedTopic } from "./top-check.ts";
import type { PageMemory } from "./waiting-page.ts";
import type { WantedTopics } from "./wanted-topics.ts";

/** Who does not get a message; undefined: nobody. */
export type Except<Receiver> = { has(receiver: Receiver): boolean } | undefined;

/** A topic that may have to be marked, because its broker has lost messages. */
export interface MarkedTopic {
  /** Stores the marker, unless it is there. */
  markFork(): void;
}

/** What all topics with history of a server share. */
export interface HistoryContext<Receiver extends Identified> {
  /** The broker. */
  readonly driver: Driver;
  /** The topics whose messages come. */
  readonly wanted: Pick<WantedTopics, "isConfirmed" | "whenConfirmed">;
  /** Sends to the subscribers. */
  readonly receivers: ReceiverCalls<Receiver>;
  /** Who may read a page, and keep it until it is sent. */
  readonly turns: PageTurns<Receiver>;
  /** Who of all receivers may read from the broker. */
  readonly reads: ReadTurns;
  /** Of the pages that wait for all receivers. */
  readonly pages: PageMemory;
  /** Of the recent messages. */
  readonly memory: MemoryBudget;
  /** The topics that may have missed messages, until they are checked: what is known of them proves nothing. */
  readonly unchecked: WeakSet<CheckedTopic>;
  /** The topics whose broker has lost messages, until a marker of that is stored. */
  readonly unmarked: Set<MarkedTopic>;
  /** Counts of the messages. */
  readonly counters: HistoryCounters;
  /** The history has something that is none of ours. */
  onForeign(): void;
  /** Stores a marker in a topic that has lost messages, unless another process has done so. `lost`: the id of the newest one of them. */
  storeMarker(topic: string, rule: HistoryRule, lost: string): Promise<void>;
  /** Who does not get a message that this process has published; undefined: nobody. It is asked once for each id. */
  takeExcept(id: string): Except<Receiver>;
}

/** How a subscription begins. */
export interface JoinOptions {
  /** A position: what came after it is sent first, if it can be proved that nothing is missing. */
  readonly since?: string | undefined;
  /** The newest messages that are sent first; with `since` only if something may be missing. */
  readonly last: number;
  /** Whether messages begin with a header line. */
  readonly isFramed: boolean;
}

/** What a subscription has reached. */
export interface Joined {
  /** Where the live messages began; undefined: they did not. */
  readonly position: string | undefined;
  /** Whether nothing is missing after `since`; undefined: it was not given. */
  readonly recovered: boolean | undefined;
  /** How many messages of the history were sent. */
  readonly replayed: number;
  /** False: it has ended before. */
  readonly live: boolean;
}
