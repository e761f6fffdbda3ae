import type { BackplaneStage, BackplaneStatus, Driver, DriverHost } from "../backplane/contract.ts";
import { MessageIds } from "../backplane/ids.ts";
import { type HistoryHead, decodePacket } from "../backplane/packet.ts";
import {
  type BroadcastTopics,
  type DecodedRecord,
  RecordKind,
  decodeRecord,
  encodeRecord,
} from "../backplane/record.ts";
import { HawserError, withoutStack } from "../errors/errors.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { deferred } from "../util/deferred.ts";
import { newBackplaneCounters } from "./backplane-counters.ts";
import { Heartbeat, type HeartbeatListener } from "./heartbeat.ts";
import { PlainOutbox } from "./plain-outbox.ts";
import { WantedTopics } from "./wanted-topics.ts";

/** What comes from the broker. */
export interface NodeListener {
  /** Messages of a topic with history have come. */
  onHistory(topic: string, head: HistoryHead, records: readonly Bytes[]): void;
  /**
   * A message without history of another server has come, or somebody has come or gone. Its payload is valid until the call returns.
   *
   * @param topic undefined: it is for all servers
   * @returns whether somebody here got it
   */
  onRecord(topic: string | undefined, record: DecodedRecord): boolean;
  /**
   * A heartbeat was answered.
   *
   * @param isBack the broker could not be reached before
   * @param wasExpired it had given this server up
   */
  onBeat(isBack: boolean, wasExpired: boolean): void;
  /** Messages of these topics may have been missed. */
  onLost(topics: readonly string[] | "all"): void;
  /** The status has changed. */
  onStatus(status: BackplaneStatus, reason: unknown): void;
  /** Something failed that no promise tells of. */
  onFailed(stage: BackplaneStage, error: unknown): void;
}

/** A message for the other servers. */
export interface RelayedMessage {
  /** The text or the bytes. */
  readonly payload: string | Bytes;
  /** Whether it is binary; else it is text. */
  readonly isBinary: boolean;
  /** Whether it may be compressed for its receivers. */
  readonly mayCompress: boolean;
  /** Under the policy "latest" a waiting message is replaced by a newer one with the same key. */
  readonly key: string | undefined;
}

/** One server among those that a backplane joins. */
export class BackplaneNode implements DriverHost, HeartbeatListener {
  /** The broker. */
  readonly driver: Driver;
  readonly rules: string;
  /** The ids of this server's messages. */
  readonly ids = new MessageIds();
  /** The topics whose messages it gets. */
  readonly wanted: WantedTopics;
  /** What went between the servers. */
  readonly counters = newBackplaneCounters();
  readonly #listener: NodeListener;
  readonly #outbox: PlainOutbox;
  readonly #heartbeat: Heartbeat;
  readonly #ready = deferred();
  readonly #waiting = new Set<(isReady: boolean) => void>();
  #isBack = false;
  #status: BackplaneStatus = "connecting";

  /** @param rules of the topics with history: see `DriverHost` */
  constructor(driver: Driver, listener: NodeListener, rules = "{}") {
    this.driver = driver;
    this.rules = rules;
    this.#listener = listener;
    this.wanted = new WantedTopics(driver, (stage, error) => this.onFailed(stage, error));
    this.#outbox = new PlainOutbox(driver, this.counters);
    this.#heartbeat = new Heartbeat(driver, this);
  }

  /** Whether the broker can be reached. */
  get status(): BackplaneStatus {
    return this.#status;
  }

  /** Whether it can be reached. */
  get isReady(): boolean {
    return this.#status === "ready";
  }

  /** Resolves when the broker was reached for the first time, or the server has ended. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Begins. `isJoined`: there may be other servers, which must know that this one lives. */
  open(isJoined: boolean): void {
    if (isJoined) this.#heartbeat.start();
    this.driver.open(this, this.ids.node).catch((error: unknown) => this.onFailed("connect", error));
  }

  /** Resolves with true when the broker can be reached; with false after `ms` milliseconds, or when the server ends. */
  whenReady(ms: number): Promise<boolean> {
    if (this.#status === "ready") return Promise.resolve(true);
    if (this.#status === "closed") return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (isReady: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(settle);
        resolve(isReady);
      };
      const timer = setTimeout(() => settle(false), ms).unref();
      this.#waiting.add(settle);
    });
  }

  /** Sends a message of a topic without history to the other servers. */
  relay(topic: string, message: RelayedMessage): void {
    if (this.driver.hasPeers) this.#outbox.add(topic, this.#encode(RecordKind.message, message, undefined));
  }

  /** Sends a broadcast to the other servers: to those that have subscribers, if it is for one topic. */
  relayBroadcast(message: RelayedMessage, to: BroadcastTopics): void {
    if (!this.driver.hasPeers) return;
    const topic = to.topics.length === 1 ? to.topics[0] : undefined;
    this.#outbox.add(topic, this.#encode(RecordKind.broadcast, message, to));
  }

  /** The server is about to end. */
  drain(): void {
    this.#heartbeat.end();
  }

  /** Ends when `over` resolves at the latest. */
  async close(over: Promise<void>): Promise<void> {
    this.#outbox.flush();
    this.wanted.clear();
    this.#heartbeat.stop();
    try {
      await this.driver.close(over);
    } catch (error) {
      this.onFailed("close", error);
    }
    for (const settle of this.#waiting) settle(false);
    this.#ready.resolve();
  }

  onPacket(topic: string | undefined, packet: Bytes): void {
    const decoded = decodePacket(packet);
    if (decoded?.history === undefined) {
      // A packet of another version counts as one message.
      if (decoded === undefined) this.#onForeign();
      for (const record of decoded?.records ?? []) this.#onRecord(topic, record);
    } else if (topic === undefined) this.#onForeign();
    else this.#listener.onHistory(topic, decoded.history, decoded.records);
  }

  onLost(topics: readonly string[] | "all"): void {
    this.#listener.onLost(topics);
  }

  onStatus(status: BackplaneStatus, reason?: unknown): void {
    if (status === this.#status) return;
    if (status === "ready" && this.#status === "away") this.counters.reconnects++;
    this.#status = status;
    if (status === "ready") {
      this.#isBack = true;
      this.wanted.onReady();
      void this.#heartbeat.beat();
      this.#ready.resolve();
      for (const settle of this.#waiting) settle(true);
    } else if (status === "away") this.wanted.onAway();
    this.#listener.onStatus(status, reason);
  }

  onBeat(wasExpired: boolean): void {
    const isBack = this.#isBack;
    this.#isBack = false;
    this.#listener.onBeat(isBack, wasExpired);
  }

  onFailed(stage: BackplaneStage, error: unknown): void {
    this.#listener.onFailed(stage, error);
  }

  /** Bytes that are not ours have come: they are ignored. */
  onForeign(): void {
    // Whoever sends them must not cost more than others.
    this.onFailed(
      "decode",
      withoutStack(() => new HawserError("HWS_BACKPLANE_FOREIGN")),
    );
  }

  #onRecord(topic: string | undefined, bytes: Bytes): void {
    const record = decodeRecord(bytes);
    // Without a topic there are only broadcasts.
    if (record === undefined || (topic === undefined && record.kind !== RecordKind.broadcast)) return this.#onForeign();
    this.counters.received++;
    const isMessage = record.kind === RecordKind.message || record.kind === RecordKind.broadcast;
    if (isMessage && record.id.startsWith(this.ids.node)) this.counters.echoes++;
    else this.counters[this.#listener.onRecord(topic, record) ? "delivered" : "unheard"]++;
  }

  #onForeign(): void {
    this.counters.received++;
    this.counters.foreign++;
    this.onForeign();
  }

  #encode(
    kind: typeof RecordKind.message | typeof RecordKind.broadcast,
    message: RelayedMessage,
    to: BroadcastTopics | undefined,
  ): Bytes {
    const { payload, isBinary, mayCompress, key } = message;
    // It is copied into a packet in this turn.
    return encodeRecord({ kind, isBinary, mayCompress, id: this.ids.next(), key, to, payload }, false);
  }
}
