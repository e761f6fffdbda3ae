import type { PresentMember } from "../backplane/contract.ts";
import { hasCode } from "../errors/errors.ts";
import { ownText } from "../util/own-text.ts";
import type { BackplaneNode } from "./backplane-node.ts";

/** Milliseconds for which a connection that was lost stays listed: the client may come back, and nobody is told. */
const GRACE_MS = 5_000;

/** Changes that are told together: their answers are awaited before the next ones. */
const MAX_BATCH = 256;

/** How much more often than it succeeds a heartbeat may fail to tell something. What is left is told with the next one. */
const MAX_FAILURES = 1_024;

/** Who a connection is in a topic. */
export type ListedMember = Omit<PresentMember, "connections">;

/** A connection that is listed, or is to be. */
interface Row {
  readonly topic: string;
  readonly connection: number;
  readonly member: ListedMember;
  /** Calls with which the broker may have listed it: all but those that it has refused. 0: it does not know it. */
  calls: number;
  /** The broker has said that it has it. */
  isListed: boolean;
  /** It leaves when this has run out. */
  grace: NodeJS.Timeout | undefined;
}

/** Why a connection leaves a topic: of its own, because its client was lost, or because this server ends. */
export type LeaveReason = "left" | "lost" | "shutdown";

/** The connections of one server that are listed as present. What the broker could not be told is told when it can be. */
export class PresenceNode {
  readonly #node: BackplaneNode;
  /** By the topic and the number of the connection. */
  readonly #rows = new Map<string, Map<number, Row>>();
  /** Those that it has not listed, or has to list again. */
  readonly #unlisted = new Set<Row>();
  /** Those that have left, and that the broker could not be told of: at most as many as it may have listed before. */
  readonly #gone = new Set<Row>();
  /** Counts how often all had to be listed again. */
  #rounds = 0;
  #isTelling = false;

  constructor(node: BackplaneNode) {
    this.#node = node;
  }

  /** Lists a connection. It never rejects: while the broker is away, or refuses, the connection is listed later. */
  join(topic: string, connection: number, member: ListedMember): Promise<void> {
    let rows = this.#rows.get(topic);
    if (rows?.has(connection) === true) return Promise.resolve();
    // The name may have been cut from a long message.
    const row: Row = { topic: ownText(topic), connection, member, calls: 0, isListed: false, grace: undefined };
    if (rows === undefined) this.#rows.set(row.topic, (rows = new Map<number, Row>()));
    rows.set(connection, row);
    return this.#list(row);
  }

  /** Takes a connection from the list of a topic, if it is there. */
  leave(topic: string, connection: number, reason: LeaveReason): void {
    const row = this.#rows.get(topic)?.get(connection);
    if (row === undefined || row.grace !== undefined) return;
    // Its lease runs out, unless its client comes back to another server.
    if (reason === "shutdown") this.#remove(row);
    else if (reason === "left") this.#leave(row);
    else row.grace = setTimeout(() => this.#leave(row), GRACE_MS).unref();
  }

  /**
   * The broker is there again: it is told what it does not know.
   *
   * @param wasExpired it had given this server up, and its members have left
   */
  onReady(wasExpired: boolean): void {
    this.#rounds++;
    // In the order of the topics: those that were refused before are not the first.
    this.#unlisted.clear();
    for (const rows of this.#rows.values())
      for (const row of rows.values()) {
        // One that is listed already is not told twice, unless the lease is gone: nobody can tell lost data from a lease that was given up.
        if (wasExpired) row.isListed = false;
        this.#unlisted.add(row);
      }
    this.onBeat();
  }

  /** A heartbeat was answered: what the broker has refused before is told again. */
  onBeat(): void {
    if (this.#isTelling || this.#gone.size + this.#unlisted.size === 0) return;
    this.#isTelling = true;
    void this.#tellAll().finally(() => (this.#isTelling = false));
  }

  /** Forgets all of them. */
  clear(): void {
    for (const rows of this.#rows.values()) for (const { grace } of rows.values()) clearTimeout(grace);
    this.#rows.clear();
    this.#unlisted.clear();
    this.#gone.clear();
  }

  /** What becomes of those who have gone does not matter to those who are to be listed. */
  async #tellAll(): Promise<void> {
    await this.#inBatches(this.#gone, (row) => this.#tellGone(row));
    await this.#inBatches(this.#unlisted, (row) => this.#list(row));
  }

  /** Calls `tell` for the rows of a set, which takes from it what the broker has done. What it has not done goes to the end, until the next heartbeat. */
  async #inBatches(rows: Set<Row>, tell: (row: Row) => Promise<void>): Promise<void> {
    const failed = new Set<Row>();
    for (let done = 0; failed.size < MAX_FAILURES + done;) {
      const batch = nextOf(rows, failed);
      if (batch.length === 0) return;
      await Promise.all(batch.map(tell));
      for (const row of batch)
        if (rows.delete(row)) {
          rows.add(row);
          failed.add(row);
        } else done++;
    }
  }

  async #list(row: Row): Promise<void> {
    const { topic, connection, member } = row;
    const round = this.#rounds;
    try {
      if (!this.#isReachable) return void this.#unlisted.add(row);
      row.calls++;
      await this.#node.driver.join(topic, connection, member, row.isListed);
      // Meanwhile the broker may have given this server up.
      if (round !== this.#rounds) return;
      row.isListed = true;
      this.#unlisted.delete(row);
    } catch (error) {
      // The broker has done nothing. After any other error it may have done it.
      if (hasCode(error, "HWS_BACKPLANE_FAILED")) row.calls--;
      if (this.#find(row) === row) this.#unlisted.add(row);
      this.#node.onFailed("presence", error);
    }
  }

  #leave(row: Row): void {
    this.#remove(row);
    // Else it has come and gone while the broker was away, or full.
    if (row.calls > 0) void this.#tellLeft(row);
  }

  /** Tells that somebody has left, whose connection may have come back meanwhile. */
  async #tellGone(row: Row): Promise<void> {
    const back = this.#find(row);
    if (back !== undefined && isSameMember(back.member, row.member)) {
      // The broker may have refused it, and has the first one.
      back.calls += row.calls;
      return void this.#gone.delete(row);
    }
    await this.#tellLeft(row);
    // Meanwhile it may have left, too.
    if (back === undefined || this.#find(row) !== back) return;
    // For the broker both are one row.
    back.isListed = false;
    this.#unlisted.add(back);
  }

  async #tellLeft(row: Row): Promise<void> {
    try {
      // The status tells that the broker is away.
      if (!this.#isReachable) return void this.#gone.add(row);
      await this.#node.driver.leave(row.topic, row.connection, row.member.id);
      this.#gone.delete(row);
    } catch (error) {
      // Meanwhile the broker may have refused to list it.
      if (row.calls > 0) this.#gone.add(row);
      this.#node.onFailed("presence", error);
    }
  }

  /** The row of now for the same connection. */
  #find({ topic, connection }: Row): Row | undefined {
    return this.#rows.get(topic)?.get(connection);
  }

  get #isReachable(): boolean {
    return this.#node.status === "ready";
  }

  #remove(row: Row): void {
    const { topic, connection, grace } = row;
    clearTimeout(grace);
    this.#unlisted.delete(row);
    const rows = this.#rows.get(topic);
    rows?.delete(connection);
    if (rows?.size === 0) this.#rows.delete(topic);
  }
}

/** With other data the broker must list it anew: it keeps the first ones of a connection. */
function isSameMember(one: ListedMember, other: ListedMember): boolean {
  return one.id === other.id && one.data === other.data;
}

/** The first rows of a set, without those that have failed. */
function nextOf(rows: ReadonlySet<Row>, failed: ReadonlySet<Row>): Row[] {
  const batch: Row[] = [];
  for (const row of rows) if (!failed.has(row) && batch.push(row) === MAX_BATCH) break;
  return batch;
}
