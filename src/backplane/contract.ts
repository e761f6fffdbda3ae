import type { Bytes } from "../protocol/bytes.ts";

/**
 * The contract between the topics of a server and a broker. One driver serves one server (a *node*). It knows no sockets, and not who
 * receives what. Whoever calls it proves what a position is worth, keeps the messages that came last, and decides about retries.
 */

/** How much of a topic is kept. */
export interface HistoryRule {
  /** The newest messages that are kept, at most 10,000. */
  readonly size: number;
  /** Milliseconds for which a message is kept. */
  readonly ttl: number;
}

/** A place in the history of a topic: directly after one of its messages. All are texts that can be compared. */
export interface Mark {
  /** 8 characters that name one life of the history: another epoch has nothing to do with this one. */
  readonly epoch: string;
  /** The number of the message in its topic: 1 is the first one. 0: before all of them. */
  readonly offset: number;
  /** The 16 characters of the message's id; `NO_ID` before all messages. */
  readonly id: string;
}

/** The newest message of a topic. Undefined: the topic is not known; null: the broker could not tell, and `read` may say why. */
export type Top = Mark | undefined | null;

/** A message of a topic's history. */
export interface Entry {
  /** Its number. */
  readonly offset: number;
  /** Its id. */
  readonly id: string;
  /** The id of the message before it; undefined: the broker does not know it. */
  readonly before: string | undefined;
  /** The message as `record.ts` encodes it. */
  readonly record: Bytes;
}

/** A part of a history. */
export interface Page {
  /** The epoch of all of it. */
  readonly epoch: string;
  /** The newest message of the topic. It was read no earlier than the entries. */
  readonly top: Mark;
  /** The number of the newest marker of lost messages, wherever it is; undefined: the broker knows none. */
  readonly fork?: number | undefined;
  /** Whether the broker has proved that nothing is missing after `since`; undefined: the caller proves it. */
  readonly proven: boolean | undefined;
  /** Messages, the oldest first. */
  readonly entries: readonly Entry[];
}

/** What has become of an `append`. */
export interface Appended {
  /** The epoch of the topic. */
  readonly epoch: string;
  /** The number of the first record. */
  readonly first: number;
  /** Another message with the same id of the application was stored before. False: this one is stored, by this call or by an earlier try. */
  readonly isDuplicate: boolean;
}

/** What `append` is told besides the records. */
export interface AppendOptions {
  /** It is a further try: the topic's newest message before the first one. */
  readonly again?: Mark | undefined;
  /** The application's name for the message: a second one with the same name within two minutes is a duplicate. */
  readonly id?: string | undefined;
}

/** Somebody who is listed as present in a topic. */
export interface PresentMember {
  /** The application's name for somebody. */
  readonly id: string;
  /** What the application tells about him, as JSON; undefined: nothing. */
  readonly data: string | undefined;
  /** His connections, on all machines. */
  readonly connections: number;
}

/** Those who are present. */
export interface MemberList {
  /** How many there are. */
  readonly total: number;
  /** As many of them as were asked for. */
  readonly members: readonly PresentMember[];
}

/** What a heartbeat has told. */
export interface Beat {
  /** The nodes that live, this one too. */
  readonly alive: readonly string[];
  /** Nodes whose lease has run out. */
  readonly expired: readonly string[];
  /** Whether the lease of this one had run out. */
  readonly wasExpired: boolean;
}

/** Whether a broker can be reached. */
export type BackplaneStatus = "connecting" | "ready" | "away" | "closed";

/** What a driver did when it failed. */
export type BackplaneStage = "connect" | "subscribe" | "publish" | "read" | "presence" | "decode" | "close";

/** What a driver tells its node. */
export interface DriverHost {
  /**
   * The rules of its topics with history, as JSON with sorted keys. All nodes must have the same ones. When a driver opens, it compares
   * them with those that came last, tells `onFailed` of a difference (HWS_BACKPLANE_MISMATCH), and notes them for the next one.
   */
  readonly rules: string;
  /**
   * A packet has come. It is called in the order of arrival, and never after `close`.
   *
   * @param topic undefined: it is for all nodes
   * @param packet as `packet.ts` encodes it
   */
  onPacket(topic: string | undefined, packet: Bytes): void;
  /** Messages of these topics may have been missed. It is called after every resubscription, before the status is `"ready"`. */
  onLost(topics: readonly string[] | "all"): void;
  /** The status has changed. */
  onStatus(status: BackplaneStatus, reason?: unknown): void;
  /** Something failed that no promise tells of. */
  onFailed(stage: BackplaneStage, error: unknown): void;
}

/** The calls of one server to its broker. */
export interface Driver {
  /** E.g. `"memory"`. */
  readonly name: string;
  /** The most records of one `append`. */
  readonly maxBatch: number;
  /** The packets and records that it hands over never change: whoever keeps them need not copy them. */
  readonly keepsPackets: boolean;
  /** Whether there may be other nodes. If not, `send` reaches nobody. */
  readonly hasPeers: boolean;
  /**
   * Begins. It never rejects because the broker is away: it goes on trying, and tells the host's `onStatus`.
   *
   * @param node the 8 characters of this process
   * @throws {InvalidArgumentError} for a client that it cannot use
   */
  open(host: DriverHost, node: string): Promise<void>;
  /**
   * Sends a packet to the other nodes that listen to the topic: at most once, in the order of the calls, at once or not at all.
   *
   * @param topic undefined: to all nodes
   * @param packet is not kept after the call
   * @returns false: it was dropped
   */
  send(topic: string | undefined, packet: Bytes): boolean;
  /** Changes the set of topics that this node wants. It settles when messages flow, and rejects only with HWS_BACKPLANE_AWAY. */
  listen(add: readonly string[], remove: readonly string[]): Promise<void>;
  /**
   * Stores records of one topic in their order, and publishes them, as one act. Calls of one topic keep their order. A driver whose broker
   * is in this process stores before it returns.
   *
   * @returns rejects with HWS_BACKPLANE_AWAY, HWS_BACKPLANE_FULL or HWS_BACKPLANE_FAILED if nothing was stored, with
   * HWS_PUBLISH_UNCERTAIN if it cannot be known
   */
  append(topic: string, rule: HistoryRule, records: readonly Bytes[], options?: AppendOptions): Promise<Appended>;
  /**
   * The messages after number `after`, or the newest `-after` if it is negative: about 1 MiB at most. An empty topic gets an epoch. It skips
   * no message that the broker has. A broker that may lose messages does not count the markers (`fork-marker.ts`): neither here, nor in the
   * rule's `size`.
   *
   * @param since what the caller wants to have proved
   */
  read(topic: string, rule: HistoryRule, after: number, since?: Mark): Promise<Page>;
  /** The newest messages of many topics. One of them never makes the call reject. */
  tops(topics: readonly string[]): Promise<readonly Top[]>;
  /**
   * Lists a connection's member. A second call for the same connection changes nothing.
   *
   * @param connection the number of the connection on this node
   * @param isQuiet nobody is told
   */
  join(topic: string, connection: number, member: Omit<PresentMember, "connections">, isQuiet: boolean): Promise<void>;
  /** Takes a connection's member from the list. */
  leave(topic: string, connection: number, id: string): Promise<void>;
  /** Who is present, without the members of nodes that are gone. */
  members(topic: string, limit: number): Promise<MemberList>;
  /**
   * A heartbeat: proves both directions, and renews the lease.
   *
   * @param isEnding this node is about to close: its lease lasts until its clients have come back to others, 30 s
   */
  beat(isEnding?: boolean): Promise<Beat>;
  /** Removes what a node has left. Several nodes may do it at the same time. */
  reap(node: string): Promise<void>;
  /** Ends when `over` resolves at the latest, and leaves no timer, socket or listener. A client that was handed in stays open. */
  close(over: Promise<void>): Promise<void>;
}

/** Joins servers: `memory()`, or a broker between machines. It makes a driver for each server. */
export interface Backplane {
  /** Only the library calls it. */
  createDriver(): Driver;
}
