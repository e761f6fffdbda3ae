import { errorTable } from "../../../src/errors/table.ts";
import { type WebSocketConnection, WebSocketServer, type WebSocketServerOptions } from "../../../src/hawser.ts";
import { InvariantError, holds } from "../../engine/target.ts";
import type { Clock } from "../../harness/clock.ts";
import { turns } from "../../harness/run.ts";
import { Client } from "./client.ts";
import { documented, outgoing } from "./messages.ts";

/** Clients of one program at most. */
const MAX_CLIENTS = 4;

/** Settings that change what the library does, one of each list. The first is the default. */
const TYPES = ["auto", "text", "blob", "object"] as const;
const SIZES: readonly Partial<WebSocketServerOptions>[] = [
  {},
  { maxSendQueue: 1000, highWaterMark: 100 },
  { maxMessageSize: 64 },
  { maxSendQueue: 30_000, highWaterMark: 0 },
];
const WIRES: readonly number[] = [16 * 1024, 1, 100, 1024 * 1024];

/** `send` copies messages of at most this many bytes. */
const COPIED = 16 * 1024;

/** The code that `onError` gets after a callback threw. */
const HANDLER_FAILED = errorTable.HWS_HANDLER_FAILED.errCode;

/** How the program settles a promise of a handler. */
interface PendingPromise {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A server and its clients in memory. */
export class Simulation {
  readonly wss: WebSocketServer;
  readonly options: WebSocketServerOptions;
  readonly clients: Client[] = [];
  /** The client that actions apply to. */
  current: Client;
  /** Nothing was done after which messages may be lost: neither by us nor by the stream. */
  undisturbed = true;
  /** The callbacks of the server's own handler that were called. */
  readonly calls: string[] = [];
  readonly #clock: Clock;
  readonly #wire: number;
  readonly #pending: PendingPromise[] = [];
  readonly #ends: Promise<void>[] = [];
  #sent = 0;

  /** @param settings three bytes that choose from the tables */
  constructor(clock: Clock, settings: Uint8Array, head: Buffer) {
    const [type = 0, sizes = 0, wire = 0] = settings;
    this.#clock = clock;
    this.#wire = WIRES[wire % WIRES.length] ?? 0;
    this.current = new Client(this.#wire);
    const dataType = TYPES[type & 3];
    const invalidJson = (type & 4) === 0 || dataType !== "object" ? "close" : "ignore";
    this.options = { dataType, invalidJson, ...SIZES[sizes % SIZES.length] };
    this.wss = new WebSocketServer(
      {
        onConnection: () => this.current.handler,
        onError: () => void this.calls.push("error"),
        onTerminate: () => void this.calls.push("terminate"),
      },
      this.options,
    );
    this.#connect(head);
  }

  /** Connects another client. */
  connect(head: Buffer): void {
    if (this.clients.length === MAX_CLIENTS) return;
    this.current = new Client(this.#wire);
    this.#connect(head);
  }

  /** A promise that stays pending until the program settles it. */
  pendingPromise(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#pending.push({ resolve, reject });
    });
  }

  /** Settles the oldest pending promise, or the newest. */
  settle(how: number): void {
    const promise = (how & 2) === 0 ? this.#pending.shift() : this.#pending.pop();
    if ((how & 1) === 0) promise?.resolve();
    else {
      if (promise !== undefined) this.undisturbed = false;
      promise?.reject(new Error("settled"));
    }
  }

  /** Sends on a client's connection. */
  send(client: Client, which: number): void {
    const { ws } = client;
    if (ws === undefined) return;
    const { message, wire } = this.#outgoing(which);
    const connected = ws.status === "Connected";
    // Before `send`: this message may exceed the limit of the queue, which ends the connection.
    if (connected && wire !== "refused") client.sent.push(wire);
    const result = documented(() => ws.send(message as string));
    // A short message was copied, so we may write to its memory again.
    if (Buffer.isBuffer(message) && message.length <= COPIED) message.fill(0xee);
    holds(
      result === undefined ? wire === "refused" : wire !== "refused",
      "send accepts a message that it must refuse, or refuses one that it must accept",
      wire,
    );
    holds(connected || result !== true, "send returns true on a connection that is not open");
  }

  /** Closes a client's connection. */
  terminate({ ws, handler }: Client, code?: unknown, message?: unknown): void {
    if (ws === undefined) return;
    const wasOpen = isOpen(ws);
    documented(() => {
      ws.terminate(code as number, message as string);
    });
    // As in browsers, no message is delivered after that.
    if (wasOpen && !isOpen(ws)) handler.closedByUs = true;
  }

  /** Sends a message to all clients. */
  broadcast(except: Client | undefined, which: number): void {
    const { message, wire } = this.#outgoing(which);
    const receivers = this.clients.filter(({ ws }) => ws?.status === "Connected" && ws !== except?.ws);
    if (wire !== "refused") for (const client of receivers) client.sent.push(wire);
    const count = documented(() => this.wss.broadcast(message as string, { except: except?.ws }));
    holds(
      count === undefined ? wire === "refused" : count <= receivers.length,
      "broadcast counts more receivers than are connected",
      count,
    );
  }

  /** Closes the server. */
  terminateServer(seconds: number | undefined): void {
    this.undisturbed = false;
    for (const { handler } of this.clients) handler.serverTerminated = true;
    this.#ends.push(this.wss.terminate(seconds));
  }

  /** Lets this much time pass. */
  tick(milliseconds: number): void {
    this.undisturbed = false;
    this.#clock.advance(milliseconds);
  }

  /** Runs everything to its end: settles all promises, reads all that was written, ends all peers, and lets time pass. */
  async finish(): Promise<void> {
    const { undisturbed } = this;
    for (const { handler } of this.clients) handler.behave = () => undefined;
    for (const { wire } of this.clients) wire.flow();
    await this.#settleAll();
    for (const client of this.clients) {
      this.#checkClosing(client);
      client.end();
    }
    await this.#settleAll();
    const allEnded = this.clients.every(({ ws, handler }) => ws === undefined || handler.ended);
    holds(
      !allEnded || this.#clock.pending === 0,
      "a timer is left after the last connection has ended",
      this.#clock.pending,
    );
    // A connection ends when its peer ends. If our close frame has no answer, it ends at the deadline.
    this.#clock.advance(60_000);
    await this.#settleAll();
    for (const { ws, handler } of this.clients)
      holds(ws === undefined || handler.ended, "a connection does not end after its peer has ended", handler.calls);
    this.terminateServer(undefined);
    this.undisturbed = undisturbed;
    await this.#allSettle();
    holds(this.wss.terminated && this.wss.connections.length === 0, "a terminated server still has connections");
    holds(this.calls.at(-1) === "terminate", "the server's onTerminate is not the last call", this.calls);
    holds(this.#clock.pending === 0, "a timer is left", this.#clock.pending);
  }

  /** RFC 6455 7.1.1: the server closes TCP first, after both close frames or after a failure. */
  #checkClosing(client: Client): void {
    const { handler, wire, ws } = client;
    if (ws === undefined || wire.ended || wire.destroyed) return;
    // After a handler failed we send a close frame, and wait for the answer.
    const failed = handler.errors.some((code) => code !== HANDLER_FAILED);
    holds(!failed, "a connection that failed is left open", handler.errors);
    const [last] = client.expectedCalls(this.options.maxMessageSize).slice(-1);
    holds(last?.[0] !== "close", "a connection is left open after the peer's close frame");
  }

  async #settleAll(): Promise<void> {
    await turns(3);
    for (let pending = this.#pending.splice(0); pending.length > 0; pending = this.#pending.splice(0)) {
      for (const promise of pending) promise.resolve();
      await turns(3);
    }
  }

  async #allSettle(): Promise<void> {
    const settled: boolean[] = [];
    void Promise.all(this.#ends).then(() => settled.push(true));
    await turns(4);
    this.#clock.advance(60_000);
    await turns(4);
    if (settled.length === 0)
      throw new InvariantError("the promise of wss.terminate() does not settle after every connection has ended");
  }

  #connect(head: Buffer): void {
    this.clients.push(this.current);
    this.current.connect(this.wss, head);
  }

  #outgoing(which: number): ReturnType<typeof outgoing> {
    return outgoing(which, this.#sent++, () => this.pendingPromise());
  }
}

function isOpen({ status }: WebSocketConnection): boolean {
  return status === "Connected";
}
