import { Connection } from "../../src/connection/connection.ts";
import type { MessageCounters } from "../../src/connection/counters/message-counters.ts";
import { connectionLimitNames, zeroCounters } from "../../src/connection/counters/limit-counters.ts";
import type { HandlerCallbacks } from "../../src/connection/dispatch/handler-callbacks.ts";
import type { WSErrorEvent, WSMessageEvent, WSTerminateEvent } from "../../src/connection/dispatch/events.ts";
import type { ConnectionOwner } from "../../src/connection/connection-owner.ts";
import { SendResult } from "../../src/connection/sending/send-result.ts";
import type { ConnectionSettings } from "../../src/connection/settings.ts";
import { HawserError } from "../../src/errors/errors.ts";
import { hex, utf8 } from "./bytes.ts";
import { LateBlob } from "./late-blob.ts";
import { named } from "./random-peer.ts";
import { type Deferred, deferred } from "./session.ts";
import { connectionSettings } from "./settings.ts";
import { Wire, turns } from "./wire.ts";
import { outgoing } from "./outgoing.ts";
import { SharedMessage } from "../../src/connection/sending/shared-message.ts";

/** What a callback does. */
export type Reaction = "nothing" | "send" | "resolve" | "wait" | "throw" | "reject" | "terminate" | "destroy";

/** How a message is sent. */
export type Kind = "text" | "bytes" | "shared" | "blob";

/** What the callbacks of this handler throw. */
export class Boom extends Error {}

/** Messages after which the handler sends no more by itself. */
const MAX_SENDS = 100;

/** The state of a promise. */
export interface Watched<T> {
  settled: boolean;
  value: T | undefined;
}

/** A placeholder for the answer to the handshake. */
const PREAMBLE = "101!";

/**
 * One connection on a wire, with a scripted handler. It records the calls of its callbacks and broken invariants:
 * an exception inside a callback would count as one of the handler's.
 */
export class RandomConnection implements ConnectionOwner {
  /** The clock of its server. */
  currentTick = 0;
  readonly stream: Wire;
  readonly connection: Connection;
  readonly limitCounters = zeroCounters(connectionLimitNames);
  /** The names of the callbacks, in order. */
  readonly calls: string[] = [];
  /** The messages that were delivered, `named`. */
  readonly heard: string[] = [];
  /** The numbers of the errors of `onError`. */
  readonly errors: number[] = [];
  /** The events of `onTerminate`. */
  readonly ends: { readonly code: number; readonly status: string }[] = [];
  /** The calls of the owner: "left", "finished". */
  readonly told: string[] = [];
  /** Broken invariants. */
  readonly faults: string[] = [];
  /** Promises that the connection has given. */
  readonly drains: Watched<boolean>[] = [];
  readonly trips: Watched<number | undefined>[] = [];
  /** How often `send` returned false or drained() was called: `onDrain` may come as often. */
  waits = 0;
  /** The number of calls at the last false of `send`: `onDrain` must come after them. */
  toldToWait = 0;
  /** The connection was closed early: what came after that is not delivered. */
  interrupted = false;
  /** We have destroyed it: no promise is awaited any more. */
  destroyed = false;
  readonly #reactions: readonly Reaction[];
  /** It has sent a Blob. */
  usedBlobs = false;
  readonly #deferreds: Deferred[] = [];
  readonly #blobs: LateBlob[] = [];
  readonly #pingTimeout: number;
  readonly settings: ConnectionSettings;
  /** When reading last started again. */
  #resumed = 0;
  #running: string | undefined;
  #sends = 0;
  #before: MessageCounters = { accepted: 0, written: 0, dropped: 0, pending: 0 };
  #status = "Connected";

  constructor(reactions: readonly Reaction[], mark: number, settings: Partial<ConnectionSettings>) {
    this.#reactions = reactions;
    this.stream = new Wire({ highWaterMark: mark });
    this.settings = connectionSettings({ ...settings, limitCounters: this.limitCounters });
    this.connection = new Connection(this.stream, this.#handler(), this);
    this.connection.publicConnection = this.connection;
    this.#pingTimeout = this.settings.keepalive.pingTimeout;
    this.stream.on("resume", () => (this.#resumed = this.currentTick));
    this.connection.start(PREAMBLE, hex(""));
  }

  /** What was sent after the answer to the handshake. */
  get sent(): Uint8Array {
    return this.stream.taken.subarray(PREAMBLE.length);
  }

  send(kind: Kind, size: number): void {
    const { connection } = this;
    const before = connection.counters.accepted;
    const { status } = connection;
    const content = `${String(this.#sends++)}|${"x".repeat(size)}`;
    const told = this.#sendAs(kind, content);
    this.#fault(connection.counters.accepted - before !== (status === "Connected" ? 1 : 0), "accepted what it did not");
    this.#fault(status !== "Connected" && told !== SendResult.dropped, `took a message while ${status}`);
    if (status !== "Connected" || told === SendResult.accepted) return;
    this.waits++;
    this.toldToWait = this.calls.length;
  }

  terminate(code: number): void {
    this.interrupted = true;
    this.connection.close(code);
  }

  destroy(): void {
    this.interrupted = this.destroyed = true;
    this.connection.destroy();
  }

  /** Calls drained() and measures a round trip. */
  ask(): void {
    this.waits++;
    this.drains.push(watch(this.connection.whenDrained()));
    this.trips.push(watch(this.connection.measureRoundTrip()));
  }

  /** Ticks pass on the server's clock, and the peer is checked. */
  tick(ticks: number): void {
    this.currentTick += ticks;
    // A handler that waits for a drain lets the connection read.
    const readingStopped = this.stream.isPaused() && this.drains.every(({ settled }) => settled);
    const before = this.limitCounters.pingTimeout;
    this.connection.checkPeer();
    if (this.limitCounters.pingTimeout === before) return;
    this.#fault(readingStopped, "closed a peer as dead that it does not read");
    this.#fault(
      this.currentTick - this.#resumed <= this.#pingTimeout,
      "counted the silence of a peer that it did not read",
    );
  }

  /** The oldest promise of a callback settles. Returns whether there was one. */
  settle(well: boolean): boolean {
    const oldest = this.#deferreds.shift();
    if (well) oldest?.resolve();
    else {
      if (oldest !== undefined) this.interrupted = true;
      oldest?.reject(new Boom());
    }
    return oldest !== undefined;
  }

  /** The oldest Blob has been read, or cannot be. Returns whether there was one. */
  read(well: boolean): boolean {
    const oldest = this.#blobs.shift();
    if (well) oldest?.read();
    else oldest?.fail(new Error("EIO"));
    return oldest !== undefined;
  }

  /** Everything that waits goes on, until nothing happens any more. */
  async goOn(): Promise<void> {
    this.stream.flow();
    for (let before = -1; before !== this.#happened;) {
      before = this.#happened;
      await turns(2);
      if ([this.settle(true), this.read(true)].includes(true)) before = -1;
    }
  }

  /** The invariants at every moment. */
  check(): void {
    const { counters, bufferedAmount, status } = this.connection;
    const { accepted, written, dropped, pending } = counters;
    this.#fault(accepted !== written + dropped + pending, `counted wrong: ${JSON.stringify(counters)}`);
    this.#fault(
      accepted < this.#before.accepted ||
        // At the end it is known what the system has not taken.
        (written < this.#before.written && status !== "Closed") ||
        dropped < this.#before.dropped,
      "counted backwards",
    );
    this.#fault(!(bufferedAmount >= 0), `bufferedAmount is ${String(bufferedAmount)}`);
    const order = ["Connected", "Closing", "Closed"];
    this.#fault(order.indexOf(status) < order.indexOf(this.#status), `${this.#status} became ${status}`);
    this.#before = counters;
    this.#status = status;
  }

  // The methods of its owner.

  onClosed(): void {
    this.told.push("left");
    this.#fault(this.ends.length > 0, "left after onTerminate");
  }

  onFinished(): void {
    this.told.push("finished");
    this.#fault(this.#running !== undefined && !this.destroyed, "finished while a callback runs");
  }

  onConnectionError(_connection: unknown, error: unknown): void {
    this.#fault(!(error instanceof Boom) && !isDocumented(error), `reported ${String(error)}`);
  }

  get #happened(): number {
    const { accepted, written, dropped } = this.connection.counters;
    return this.calls.length + accepted + written + dropped;
  }

  #handler(): HandlerCallbacks {
    return {
      onOpen: () => this.#call("open"),
      onMessage: (_ws, event) => {
        const { data } = event as WSMessageEvent<string | Uint8Array>;
        this.heard.push(typeof data === "string" ? named(1, data) : named(2, Buffer.from(data).toString()));
        return this.#call("message");
      },
      onDrain: () => this.#call("drain"),
      onError: (_ws, event) => {
        const { errCode, cause } = (event as WSErrorEvent).errors[0];
        this.interrupted = true;
        this.errors.push(errCode);
        this.#fault(!(cause instanceof Boom) && !isDocumented(cause), `was told of ${String(cause)}`);
        return this.#call("error");
      },
      onTerminate: (_ws, event) => {
        const { code } = event as WSTerminateEvent;
        this.ends.push({ code, status: this.connection.status });
        return this.#call("terminate");
      },
    };
  }

  #call(name: string): unknown {
    this.#fault(this.#running !== undefined && !this.destroyed, `${name} came while ${String(this.#running)} runs`);
    this.#running = name;
    const reaction = this.#reactions[this.calls.push(name) % this.#reactions.length] ?? "nothing";
    if (reaction === "wait" || reaction === "reject" || reaction === "resolve") {
      const { promise, resolve, reject } = deferred();
      if (reaction === "wait") this.#deferreds.push({ promise, resolve, reject });
      else if (reaction === "resolve") resolve();
      else {
        this.interrupted = true;
        reject(new Boom());
      }
      return promise.finally(() => (this.#running = undefined));
    }
    this.#running = undefined;
    // A handler that sends at every drain would never end.
    if (reaction === "send" && this.#sends < MAX_SENDS) this.send("text", 20);
    else if (reaction === "terminate") this.terminate(4001);
    else if (reaction === "destroy") this.destroy();
    else if (reaction === "throw") {
      this.interrupted = true;
      throw new Boom();
    }
    return undefined;
  }

  #sendAs(kind: Kind, content: string): SendResult {
    const { connection } = this;
    if (kind === "text") return connection.send(outgoing(content));
    if (kind === "bytes") return connection.send(outgoing(utf8(content)));
    if (kind === "shared") return connection.send(new SharedMessage(outgoing(content)));
    const blob = new LateBlob(content);
    this.usedBlobs = true;
    this.#blobs.push(blob);
    return connection.send(outgoing(blob));
  }

  #fault(wrong: boolean, what: string): void {
    if (wrong) this.faults.push(what);
  }
}

/** The library's own errors, except the one for an internal failure. */
function isDocumented(error: unknown): boolean {
  return error instanceof HawserError && error.code !== "HWS_INTERNAL";
}

function watch<T>(promise: Promise<T>): Watched<T> {
  const watched: Watched<T> = { settled: false, value: undefined };
  void promise.then((value) => Object.assign(watched, { settled: true, value }));
  return watched;
}
