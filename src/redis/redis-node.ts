import type { Beat, DriverHost } from "../backplane/contract.ts";
import { EPOCH_SIZE } from "../backplane/ids.ts";
import { ruleMismatch } from "../backplane/rule-mismatch.ts";
import { type Bytes, asBytes } from "../protocol/bytes.ts";
import type { Backlog } from "./command-connection.ts";
import type { RedisLibrary } from "./connection.ts";
import { RedisHistory } from "./history.ts";
import type { Link } from "./link.ts";
import { Links } from "./links.ts";
import { Names } from "./names.ts";
import { COMMON } from "./partitions.ts";
import { type LeaseState, RedisPresence } from "./presence.ts";
import { Subscriptions } from "./subscriptions.ts";

/** What a node needs to know. */
export interface RedisNodeOptions {
  /** Makes the connections. */
  readonly library: RedisLibrary;
  /** What all names begin with. */
  readonly prefix: string;
  /** The node that is told. */
  readonly host: DriverHost;
  /** The 8 characters of this process. */
  readonly node: string;
}

/** The first byte of a packet from `send`. The 6 bytes of its node follow, then the packet: nodes skip their own. No packet begins with it. */
const SENT = 0x10;
const SENT_SIZE = 1 + EPOCH_SIZE;

/** One server as Redis knows it. */
export class RedisNode {
  /** The topics that it wants. */
  readonly subscriptions: Subscriptions;
  /** The messages of topics. */
  readonly history: RedisHistory;
  /** Who is present. */
  readonly presence: RedisPresence;
  readonly #host: DriverHost;
  readonly #names: Names;
  readonly #links: Links;
  readonly #backlog: Backlog = { bytes: 0 };
  /** The first bytes of packets from this node. */
  readonly #sent: Buffer;
  #isClosed = false;
  #hasNotedRules = false;
  /** This node has renewed its lease before. */
  #hadLease = false;
  /** Its lease had run out at a heartbeat of which nobody was told yet. */
  #wasExpired = false;

  constructor({ library, prefix, host, node }: RedisNodeOptions) {
    this.#host = host;
    this.#names = new Names(prefix);
    this.#sent = Buffer.concat([Buffer.of(SENT), Buffer.from(node, "base64url")]);
    this.subscriptions = new Subscriptions(this.#names);
    this.history = new RedisHistory(this.#names, node);
    this.presence = new RedisPresence(this.#names, node);
    const onMessage = this.#onMessage;
    this.#links = new Links(
      { library, names: this.#names, node, backlog: this.#backlog, onMessage },
      {
        onConnected: this.#onConnected,
        onReady: this.#onReady,
        onAway: this.#onAway,
        onFailed: this.#onFailed,
        onTick: () => this.subscriptions.tick(),
      },
    );
  }

  /** Begins to connect. */
  open(): void {
    this.#links.start();
  }

  /**
   * The link that is ready.
   *
   * @throws {HawserError} HWS_BACKPLANE_AWAY: there is none
   */
  get link(): Link {
    return this.#links.ready;
  }

  /** Sends a packet: see `Driver.send`. */
  send(topic: string | undefined, packet: Bytes): boolean {
    const target = topic === undefined ? { channel: this.#names.all, partition: COMMON } : this.#names.channel(topic);
    const link = this.#links.current;
    if (link === undefined) return false;
    const commands = link.commands(target.partition);
    if (commands.isFull) return false;
    commands.command([link.publish, target.channel, Buffer.concat([this.#sent, packet])]).catch(this.#onSendFailed);
    return true;
  }

  /** A heartbeat: see `Driver.beat`. */
  async beat(isEnding = false): Promise<Beat> {
    const { alive, expired } = await this.#beat(this.link, isEnding);
    const wasExpired = this.#wasExpired;
    this.#wasExpired = false;
    return { alive, expired, wasExpired };
  }

  /** Ends: see `Driver.close`. */
  async close(over: Promise<void>): Promise<void> {
    this.#isClosed = true;
    await this.#links.close(over, this.subscriptions.close());
    this.subscriptions.end();
    this.#host.onStatus("closed");
  }

  async #beat(link: Link, isEnding: boolean): Promise<{ alive: readonly string[]; expired: readonly string[] }> {
    // The script has renewed the lease: no later heartbeat tells again that it had run out, also if the probe fails.
    const [lease] = await Promise.all([this.presence.beat(link, isEnding).then(this.#noteLease), link.probe()]);
    return lease;
  }

  readonly #noteLease = (lease: LeaseState): LeaseState => {
    // A lease that is not known was given up by another node, or Redis has lost it: members must be listed again in both cases.
    if (lease.state !== 0 && this.#hadLease) {
      this.#wasExpired = true;
      this.presence.renew();
    }
    this.#hadLease = true;
    return lease;
  };

  readonly #onConnected = async (link: Link): Promise<void> => {
    await this.subscriptions.resume(link);
    await this.#beat(link, false);
    await this.#noteRules(link);
  };

  /** Compares our rules with those of the node that was started last, and notes them. Later links only note them if Redis has lost them. */
  async #noteRules(link: Link): Promise<void> {
    const { rules } = this.#host;
    try {
      const isFirst = !this.#hasNotedRules;
      const others = await link.commands(COMMON).command(["set", this.#names.rules, rules, isFirst ? "get" : "nx"]);
      this.#hasNotedRules = true;
      // With `nx` the answer is "OK", or nothing.
      const mismatch = isFirst && Buffer.isBuffer(others) ? ruleMismatch(rules, String(others)) : undefined;
      if (mismatch !== undefined) this.#host.onFailed("read", mismatch);
    } catch (error) {
      // A server that is full can be used nevertheless.
      if (!isRefused(error)) throw error;
    }
  }

  readonly #onReady = (isFirst: boolean): void => {
    if (!isFirst) this.#host.onLost("all");
    this.#host.onStatus("ready");
  };

  readonly #onAway = (reason: unknown): void => {
    this.subscriptions.pause();
    this.#host.onStatus("away", reason);
  };

  readonly #onFailed = (error: unknown): void => {
    this.subscriptions.pause();
    this.#host.onFailed("connect", error);
  };

  /** It may have been sent, so it is not sent again. The status tells of a lost connection. */
  readonly #onSendFailed = (error: unknown): void => {
    if (!this.#isClosed && isRefused(error)) this.#host.onFailed("publish", error);
  };

  readonly #onMessage = (channel: Buffer, message: Buffer): void => {
    const name = channel.toString();
    const topic = this.subscriptions.topicOf(name);
    if (this.#isClosed || (topic === undefined && name !== this.#names.all)) return;
    const isSent = message[0] === SENT;
    if (isSent && this.#sent.equals(message.subarray(0, SENT_SIZE))) return;
    try {
      this.#host.onPacket(topic, asBytes(isSent ? message.subarray(SENT_SIZE) : message));
    } catch (error) {
      this.#host.onFailed("decode", error);
    }
  };
}

/** Redis has refused it. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "HWS_BACKPLANE_FAILED";
}
