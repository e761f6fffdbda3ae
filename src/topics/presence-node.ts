import type { PresentMember } from "../backplane/contract.ts";
import { ownText } from "../util/own-text.ts";
import type { BackplaneNode } from "./backplane-node.ts";

/** Milliseconds for which a connection that was lost stays listed: the client may come back, and nobody is told. */
const GRACE_MS = 5_000;

/** Who a connection is in a topic. */
export type ListedMember = Omit<PresentMember, "connections">;

/** A connection that is listed, or is to be. */
interface Row {
  readonly topic: string;
  readonly connection: number;
  readonly member: ListedMember;
  /** The broker has it. */
  isListed: boolean;
  /** It leaves when this has run out. */
  grace: NodeJS.Timeout | undefined;
}

/** Why a connection leaves a topic: of its own, because its client was lost, or because this server ends. */
export type LeaveReason = "left" | "lost" | "shutdown";

/** The connections of one server that are listed as present. What the broker could not be told is told when it is there again. */
export class PresenceNode {
  readonly #node: BackplaneNode;
  /** By the topic and the number of the connection. */
  readonly #rows = new Map<string, Map<number, Row>>();
  /** Those that have left while the broker was away. */
  readonly #gone = new Set<Row>();

  constructor(node: BackplaneNode) {
    this.#node = node;
  }

  /** Lists a connection. It never rejects: while the broker is away the connection is listed later. */
  join(topic: string, connection: number, member: ListedMember): Promise<void> {
    let rows = this.#rows.get(topic);
    if (rows?.has(connection) === true) return Promise.resolve();
    // The name may have been cut from a long message.
    const row: Row = { topic: ownText(topic), connection, member, isListed: false, grace: undefined };
    if (rows === undefined) this.#rows.set(row.topic, (rows = new Map<number, Row>()));
    rows.set(connection, row);
    return this.#list(row, false);
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
    for (const row of this.#gone) {
      // It may be back.
      if (this.#rows.get(row.topic)?.has(row.connection) === true) this.#gone.delete(row);
      else this.#tellLeft(row);
    }
    for (const rows of this.#rows.values())
      for (const row of rows.values()) {
        // One that is listed already is not listed twice. If the broker has lost its data, nobody has come or gone.
        const isQuiet = row.isListed && !wasExpired;
        void this.#list(row, isQuiet);
      }
  }

  /** Forgets all of them. */
  clear(): void {
    for (const rows of this.#rows.values()) for (const { grace } of rows.values()) clearTimeout(grace);
    this.#rows.clear();
    this.#gone.clear();
  }

  async #list(row: Row, isQuiet: boolean): Promise<void> {
    const { topic, connection, member } = row;
    try {
      await this.#node.driver.join(topic, connection, member, isQuiet);
      row.isListed = true;
    } catch (error) {
      this.#node.onFailed("presence", error);
    }
  }

  #leave(row: Row): void {
    this.#remove(row);
    this.#tellLeft(row);
  }

  #tellLeft(row: Row): void {
    this.#gone.delete(row);
    this.#node.driver.leave(row.topic, row.connection, row.member.id).catch((error: unknown) => {
      this.#gone.add(row);
      this.#node.onFailed("presence", error);
    });
  }

  #remove({ topic, connection, grace }: Row): void {
    clearTimeout(grace);
    const rows = this.#rows.get(topic);
    rows?.delete(connection);
    if (rows?.size === 0) this.#rows.delete(topic);
  }
}
