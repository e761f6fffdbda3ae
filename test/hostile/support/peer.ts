import { once } from "node:events";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { answerTo } from "../../support/http2-client.ts";
import { handshake } from "./frames.ts";
import { openHttp2Stream } from "./http2-streams.ts";
import { Received } from "./received.ts";

/** How a peer connects. */
export interface PeerOptions {
  /** On 127.0.0.1. */
  readonly port: number;
  /** The path of its WebSocket. Without one it connects and sends nothing. */
  readonly path?: string | undefined;
  /** The extensions that it offers. Default: none. */
  readonly extensions?: string | undefined;
  /** The subprotocol that it offers. Default: none. */
  readonly protocol?: string | undefined;
  /** Uses TLS. The certificate is not checked. */
  readonly secure?: boolean | undefined;
  /** Opens the WebSocket on a stream of HTTP/2. */
  readonly http2?: boolean | undefined;
  /** Whether it reads what follows the answer to its handshake. Default true. */
  readonly reads?: boolean | undefined;
}

/** Bytes of one write to the socket. */
const CHUNK = 64 * 1024;

/** A socket that does only what the test says: it does not even end when the server ends. */
export class HostilePeer {
  /** What the server has sent, as far as it was read. */
  readonly received = new Received();
  /** Settles when the server has ended the connection, with the last HTTP status or close code and the way it ended. */
  readonly outcome: Promise<string>;
  /** True when the connection has ended. */
  over = false;
  readonly #socket: Duplex;
  readonly #reset: () => void;
  #wake: () => void = () => undefined;

  private constructor(socket: Duplex, reset: () => void) {
    this.#socket = socket;
    this.#reset = reset;
    this.outcome = new Promise((resolve) => {
      const end = (how: string): void => {
        this.over = true;
        resolve(`${String(this.received.code ?? this.received.status ?? "nothing")}, ${how}`);
        this.#wake();
      };
      this.#socket.on("end", () => end("ended"));
      this.#socket.on("error", () => end("reset"));
      this.#socket.on("close", () => end("closed"));
    });
    this.#socket.on("drain", () => {
      this.#wake();
    });
  }

  /** Connects, and opens a WebSocket if there is a path. */
  static async open(options: PeerOptions): Promise<HostilePeer> {
    const peer = await (options.http2 === true ? HostilePeer.#openStream(options) : HostilePeer.#connect(options));
    if (options.reads === false) peer.flow(false);
    return peer;
  }

  static async #connect(options: PeerOptions): Promise<HostilePeer> {
    const tcp = connect({ port: options.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const socket = options.secure === true ? connectTls({ socket: tcp, rejectUnauthorized: false }) : tcp;
    const peer = new HostilePeer(socket, () => void tcp.resetAndDestroy());
    await Promise.race([once(socket, options.secure === true ? "secureConnect" : "connect"), peer.outcome]);
    peer.#listen();
    if (options.path !== undefined) {
      await peer.send(handshake(options.path, options.extensions, options.protocol), 1);
      await peer.#until(() => peer.received.status !== undefined);
    }
    return peer;
  }

  static async #openStream(options: PeerOptions): Promise<HostilePeer> {
    const { stream, tcp } = await openHttp2Stream(options);
    // Node's client ends a stream before it resets it.
    const peer = new HostilePeer(stream, () => void tcp.resetAndDestroy());
    const answer = await Promise.race([answerTo(stream), peer.outcome]);
    if (typeof answer === "object") peer.received.open(answer[":status"]);
    peer.#listen();
    return peer;
  }

  #listen(): void {
    this.#socket.on("data", (chunk: Buffer) => {
      this.received.push(chunk);
      this.#wake();
    });
  }

  /** Sends the same bytes many times, as fast as the server takes them, or until the connection has ended. */
  async send(bytes: Uint8Array, times: number): Promise<void> {
    const most = Math.max(1, Math.floor(CHUNK / bytes.length));
    const chunk = Buffer.concat(Array<Uint8Array>(Math.min(most, times)).fill(bytes));
    for (let left = times; left > 0 && !this.over; left -= most) {
      const writable = this.#socket.write(left < most ? chunk.subarray(0, left * bytes.length) : chunk);
      if (!writable) await this.#until(() => !this.#socket.writableNeedDrain);
    }
  }

  /** Waits until this many frames with an opcode have come. */
  async sees(opcode: number, count: number): Promise<void> {
    await this.#until(() => (this.received.frames.get(opcode) ?? 0) >= count);
  }

  /** Starts to read, or stops. */
  flow(reads: boolean): void {
    if (reads) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Ends its half. */
  end(): void {
    this.#socket.end();
  }

  /** Resets the connection. */
  reset(): void {
    this.#reset();
  }

  /** Waits until a condition is true, or the connection has ended. Only one call may wait. */
  async #until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
