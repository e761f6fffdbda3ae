import { errorTable } from "../../../src/errors/table.ts";
import { type WebSocketConnection, WebSocketServer, type WebSocketServerOptions } from "../../../src/hawser.ts";
import { Broken, holds } from "../../engine/target.ts";
import type { Clock } from "../../world/clock.ts";
import { turns } from "../../world/run.ts";
import { Client } from "./client.ts";
import { documented, outgoing } from "./messages.ts";

/** Clients of one program at most. */
const MAX_CLIENTS = 4;

/** Settings that change the way things go, one of each row. The first is the default. */
const TYPES = ["auto", "text", "blob", "object"] as const;
const SIZES: readonly Partial<WebSocketServerOptions>[] = [
  {},
  { maxSendQueue: 1000, highWaterMark: 100 },
  { maxMessageSize: 64 },
  { maxSendQueue: 30_000, highWaterMark: 0 },
];
const WIRES: readonly number[] = [16 * 1024, 1, 100, 1024 * 1024];

/** Bytes up to which a message is copied when it is sent, as `send` says. */
const COPIED = 16 * 1024;

/** What `onError` is told when a callback threw. */
const HANDLER_FAILED = errorTable.HWS_HANDLER_FAILED.errCode;

/** A promise that the program settles. */
interface Gate {
  readonly open: () => void;
  readonly fail: (error: Error) => void;
}

/** A server and its clients in memory. */
export class World {
  readonly wss: WebSocketServer;
  readonly options: WebSocketServerOptions;
  readonly clients: Client[] = [];
  /** The client that actions are about. */
  current: Client;
  /** Nothing was done that takes messages away: neither by us nor by the stream. */
  calm = true;
  /** What the server's own handler was told of. */
  readonly calls: string[] = [];
  readonly #clock: Clock;
  readonly #wire: number;
  readonly #gates: Gate[] = [];
  readonly #ends: Promise<void>[] = [];
  #sent = 0;

  /** @param settings three bytes that choose from the tables */
  constructor(clock: Clock, settings: Uint8Array, head: Buffer) {
    const [type = 0, sizes = 0, wire = 0] = settings;
    this.#clock = clock;
    this.#wire = WIRES[wire % WIRES.length] ?? 0;
    this.current = new Client(this.#wire);
    const invalidJson = (type & 4) === 0 ? "close" : "keep";
    this.options = { dataType: TYPES[type & 3], invalidJson, ...SIZES[sizes % SIZES.length] };
    this.wss = new WebSocketServer(
      {
        onConnection: () => this.current.handler,
        onError: () => void this.calls.push("error"),
        onTerminate: () => void this.calls.push("terminate"),
      },
      this.options,
    );
    this.#letIn(head);
  }

  /** Another client asks to connect. */
  connect(head: Buffer): void {
    if (this.clients.length === MAX_CLIENTS) return;
    this.current = new Client(this.#wire);
    this.#letIn(head);
  }

  /** A promise that waits until the program settles it. */
  gate(): Promise<void> {
    return new Promise<void>((open, fail) => {
      this.#gates.push({ open, fail });
    });
  }

  /** Settles the oldest promise that waits, or the newest. */
  settle(how: number): void {
    const gate = (how & 2) === 0 ? this.#gates.shift() : this.#gates.pop();
    if ((how & 1) === 0) gate?.open();
    else {
      if (gate !== undefined) this.calm = false;
      gate?.fail(new Error("settled"));
    }
  }

  /** Sends on a client's connection. */
  send(client: Client, which: number): void {
    const { ws } = client;
    if (ws === undefined) return;
    const { message, wire } = this.#outgoing(which);
    const connected = ws.status === "Connected";
    // Before it is sent: the queue's limit, which ends the connection, may be reached just now.
    if (connected && wire !== "refused") client.sent.push(wire);
    const room = documented(() => ws.send(message as string));
    // What is short is copied: it is the caller's again.
    if (Buffer.isBuffer(message) && message.length <= COPIED) message.fill(0xee);
    holds(
      room === undefined ? wire === "refused" : wire !== "refused",
      "send takes what it should not, or the other way",
      wire,
    );
    holds(connected || room !== true, "send says that there is room on a connection that is not open");
  }

  /** Says goodbye on a client's connection. */
  terminate({ ws, handler }: Client, code?: unknown, message?: unknown): void {
    if (ws === undefined) return;
    const wasOpen = isOpen(ws);
    documented(() => {
      ws.terminate(code as number, message as string);
    });
    // As in browsers, nothing is delivered from here on.
    if (wasOpen && !isOpen(ws)) handler.deaf = true;
  }

  /** Sends to all. */
  broadcast(except: Client | undefined, which: number): void {
    const { message, wire } = this.#outgoing(which);
    const to = this.clients.filter(({ ws }) => ws?.status === "Connected" && ws !== except?.ws);
    if (wire !== "refused") for (const client of to) client.sent.push(wire);
    const count = documented(() => this.wss.broadcast(message as string, { except: except?.ws }));
    holds(
      count === undefined ? wire === "refused" : count <= to.length,
      "broadcast counts more than are connected",
      count,
    );
  }

  /** The server is closed. */
  goDown(seconds: number | undefined): void {
    this.calm = false;
    for (const { handler } of this.clients) handler.forced = true;
    this.#ends.push(this.wss.terminate(seconds));
  }

  /** Time passes. */
  tick(milliseconds: number): void {
    this.calm = false;
    this.#clock.advance(milliseconds);
  }

  /** Lets all go its way: every promise is settled, all that is written is taken, every peer ends, time passes. */
  async finish(): Promise<void> {
    const { calm } = this;
    for (const { handler } of this.clients) handler.behave = () => undefined;
    for (const { wire } of this.clients) wire.flow();
    await this.#settleAll();
    for (const client of this.clients) {
      this.#checkClosing(client);
      client.end();
    }
    await this.#settleAll();
    const over = this.clients.every(({ ws, handler }) => ws === undefined || handler.over);
    holds(!over || this.#clock.pending === 0, "a timer is left behind the last connection", this.#clock.pending);
    // By the peers' end alone, or, where a close frame waits for its answer, by the deadline.
    this.#clock.advance(60_000);
    await this.#settleAll();
    for (const { ws, handler } of this.clients)
      holds(ws === undefined || handler.over, "a connection does not end when its peer has gone", handler.calls);
    this.goDown(undefined);
    this.calm = calm;
    await this.#allSettle();
    holds(this.wss.terminated && this.wss.connections.length === 0, "a server that is terminated has connections");
    holds(this.calls.at(-1) === "terminate", "the server's onTerminate is not the last call", this.calls);
    holds(this.#clock.pending === 0, "a timer is left", this.#clock.pending);
  }

  /** RFC 6455 7.1.1: it is the server that closes first, once both close frames are there, or something is wrong. */
  #checkClosing(client: Client): void {
    const { handler, wire, ws } = client;
    if (ws === undefined || wire.ended || wire.destroyed) return;
    // A handler that failed says goodbye, and the peer answers.
    const failed = handler.errors.some((code) => code !== HANDLER_FAILED);
    holds(!failed, "a connection that failed is left open", handler.errors);
    const [last] = client.heard(this.options.maxMessageSize).slice(-1);
    holds(last?.[0] !== "close", "a connection is left open on which the peer has said goodbye");
  }

  async #settleAll(): Promise<void> {
    await turns(3);
    for (let gates = this.#gates.splice(0); gates.length > 0; gates = this.#gates.splice(0)) {
      for (const gate of gates) gate.open();
      await turns(3);
    }
  }

  async #allSettle(): Promise<void> {
    const settled: boolean[] = [];
    void Promise.all(this.#ends).then(() => settled.push(true));
    await turns(4);
    this.#clock.advance(60_000);
    await turns(4);
    if (settled.length === 0) throw new Broken("wss.terminate() does not settle when every connection has ended");
  }

  #letIn(head: Buffer): void {
    this.clients.push(this.current);
    this.current.connect(this.wss, head);
  }

  #outgoing(which: number): ReturnType<typeof outgoing> {
    return outgoing(which, this.#sent++, () => this.gate());
  }
}

function isOpen({ status }: WebSocketConnection): boolean {
  return status === "Connected";
}
