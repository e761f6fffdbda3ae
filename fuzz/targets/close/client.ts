import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

import type { WebSocketConnection, WebSocketServer } from "../../../src/hawser.ts";
import type { Call } from "../../../test/support/recording-sink.ts";
import { Wire } from "../../../test/support/wire.ts";
import { readWithWs } from "../../../test/support/ws-receiver.ts";
import { holds } from "../../engine/target.ts";
import { FuzzHandler } from "../../world/handler.ts";

/** The headers of a handshake that every server accepts, as Node hands them over. */
const HEADERS: readonly string[] = [
  ...["Host", "127.0.0.1", "Upgrade", "websocket", "Connection", "Upgrade"],
  ...["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version", "13"],
];

/** Bytes that may be read while a handler is busy: 64 KiB, and what was on its way by then. */
const READ_AHEAD = 64 * 1024 + 2 * 70_100;

/** One peer: its end of the wire, and the connection and handler at ours. */
export class Client {
  readonly wire: Wire;
  readonly handler = new FuzzHandler<WebSocketConnection>();
  /** What was sent on it, or broadcast, while it was connected: texts as strings. */
  readonly sent: (string | Buffer)[] = [];
  /** What reached our end of the wire. */
  readonly came: Buffer[] = [];
  /** The peer ended its half before all was settled. */
  endedEarly = false;
  #ended = false;
  #arrived = 0;
  /** Which promise of the handler's was awaited first, and how much had been read by then. */
  #held: { readonly wait: number; readonly read: number } | undefined;

  /** @param highWaterMark bytes from which on the wire is full */
  constructor(highWaterMark: number) {
    this.wire = new Wire({ highWaterMark });
  }

  /** The user's object for the connection; undefined when it was not let in. */
  get ws(): WebSocketConnection | undefined {
    return this.handler.ws;
  }

  /** Asks the server to take the wire; `head` came in behind the request. */
  connect(wss: WebSocketServer, head: Buffer): void {
    const request = new IncomingMessage(this.wire as unknown as Socket);
    request.method = "GET";
    request.url = "/";
    request.httpVersion = "1.1";
    request.rawHeaders = [...HEADERS];
    this.came.push(head);
    wss.handleUpgrade(request, this.wire, Buffer.from(head));
  }

  /** Bytes come from the peer, if its half is still open. */
  arrive(bytes: Buffer): void {
    if (this.#ended || this.wire.destroyed || bytes.length === 0) return;
    this.came.push(bytes);
    this.#arrived += bytes.length;
    this.wire.arrive(bytes);
  }

  /** Holds the library to its bound on what is read while a handler is busy. */
  checkReadAhead(): void {
    const { waiting } = this.handler;
    const read = this.#arrived - this.wire.readableLength;
    // Behind our goodbye all is read, so that the end is seen, and nothing kept.
    if (waiting === undefined || this.ws?.status !== "Connected") this.#held = undefined;
    else if (this.#held?.wait !== waiting) this.#held = { wait: waiting, read };
    else holds(read - this.#held.read <= READ_AHEAD, "more is read ahead than is promised", read - this.#held.read);
  }

  /** What the receiver of the `ws` package makes of all that came. */
  heard(maxMessageSize = 1024 * 1024): readonly Call[] {
    return readWithWs([Buffer.concat(this.came)], { role: "server", maxMessageSize }).calls;
  }

  /** The peer ends its half. */
  end(): void {
    if (this.#ended || this.wire.destroyed) return;
    this.#ended = true;
    this.wire.arriveEnd();
  }
}
