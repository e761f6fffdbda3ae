import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

import type { WebSocketConnection, WebSocketServer } from "../../../src/hawser.ts";
import type { Call } from "../../../test/support/recording-sink.ts";
import { Wire } from "../../../test/support/wire.ts";
import { readWithWs } from "../../../test/support/ws-receiver.ts";
import { holds } from "../../engine/target.ts";
import { FuzzHandler } from "../../harness/handler.ts";

/** The headers of a handshake that every server accepts, in the form of Node's `rawHeaders`. */
const HEADERS: readonly string[] = [
  ...["Host", "127.0.0.1", "Upgrade", "websocket", "Connection", "Upgrade"],
  ...["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version", "13"],
];

/** Bytes that may be read while a handler is busy: 64 KiB, and the chunks that were being read at that moment. */
const READ_AHEAD = 64 * 1024 + 2 * 70_100;

/** One peer: its side of the wire, and our connection and handler for it. */
export class Client {
  readonly wire: Wire;
  readonly handler = new FuzzHandler<WebSocketConnection>();
  /** The messages that were sent to it, or broadcast, while it was connected. Texts are strings. */
  readonly sent: (string | Buffer)[] = [];
  /** The bytes that reached our side of the wire. */
  readonly received: Buffer[] = [];
  /** The peer ended its side before everything was settled. */
  endedEarly = false;
  #ended = false;
  #arrived = 0;
  /** The promise that the library waits for, by its number, and the bytes that had been read when it was returned. */
  #busy: { readonly promise: number; readonly read: number } | undefined;

  /** @param highWaterMark the number of waiting bytes from which the wire counts as full */
  constructor(highWaterMark: number) {
    this.wire = new Wire({ highWaterMark });
  }

  /** The connection object of the application; undefined if the client was refused. */
  get ws(): WebSocketConnection | undefined {
    return this.handler.ws;
  }

  /** Sends a handshake to the server. `head` has the bytes that arrived after the request. */
  connect(wss: WebSocketServer, head: Buffer): void {
    const request = new IncomingMessage(this.wire as unknown as Socket);
    request.method = "GET";
    request.url = "/";
    request.httpVersion = "1.1";
    request.rawHeaders = [...HEADERS];
    this.received.push(head);
    wss.handleUpgrade(request, this.wire, Buffer.from(head));
  }

  /** Bytes arrive from the peer, if it has not ended. */
  arrive(bytes: Buffer): void {
    if (this.#ended || this.wire.destroyed || bytes.length === 0) return;
    this.received.push(bytes);
    this.#arrived += bytes.length;
    this.wire.arrive(bytes);
  }

  /** Checks the limit on the bytes that are read while a handler is busy. */
  checkReadAhead(): void {
    const { waiting } = this.handler;
    const read = this.#arrived - this.wire.readableLength;
    // After our close frame all bytes are read and discarded, so that the peer's end is noticed.
    if (waiting === undefined || this.ws?.status !== "Connected") this.#busy = undefined;
    else if (this.#busy?.promise !== waiting) this.#busy = { promise: waiting, read };
    else
      holds(
        read - this.#busy.read <= READ_AHEAD,
        "more bytes are read ahead than the limit allows",
        read - this.#busy.read,
      );
  }

  /** What the receiver of the `ws` package reads from all bytes that arrived. */
  expectedCalls(maxMessageSize = 1024 * 1024): readonly Call[] {
    return readWithWs([Buffer.concat(this.received)], { role: "server", maxMessageSize }).calls;
  }

  /** The peer ends its side. */
  end(): void {
    if (this.#ended || this.wire.destroyed) return;
    this.#ended = true;
    this.wire.arriveEnd();
  }
}
