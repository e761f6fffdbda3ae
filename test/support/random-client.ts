import { type Socket, connect } from "node:net";

import { close } from "./session.ts";
import { type Item, bytesOf } from "./random-peer.ts";
import { handshake } from "./raw-client.ts";
import { type Traffic, trafficIn } from "./sent-traffic.ts";

/** A client of a random test. Its socket is real, and its bytes are cut anywhere. */
export class RandomClient {
  readonly socket: Socket;
  /** Whether it answers a close frame, and closes its side after the server. */
  readonly polite: boolean;
  /** All that it has sent. */
  readonly said: Item[] = [];
  /** It has only sent and read so far. */
  wellBehaved: boolean;
  #line: Uint8Array;
  readonly #got: Buffer[] = [];
  /** The incomplete bytes of the answer to the handshake, or of a frame's header. */
  #start = Buffer.alloc(0);
  /** The answer has come. */
  #answered = false;
  /** Missing bytes of the current frame. */
  #rest = 0;
  #closed = false;

  /**
   * @param port - On 127.0.0.1.
   * @param path - Of its request.
   */
  constructor(port: number, path: string, polite: boolean) {
    this.polite = this.wellBehaved = polite;
    this.#line = Buffer.from(handshake(path));
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    this.socket.on("data", (chunk: Buffer) => {
      this.#onBytes(chunk);
    });
    this.socket.on("end", () => {
      if (polite) this.socket.end();
    });
    // No code waits for the error of a client that the server resets.
    this.socket.on("error", () => undefined);
  }

  /** The status of the answer; 0 when there is none. */
  get status(): number {
    return Number(/^HTTP\/1.1 (\d+)/.exec(this.#got[0]?.toString("latin1", 0, 20) ?? "")?.[1] ?? 0);
  }

  /** It knows that the server has closed. */
  get gone(): boolean {
    return this.socket.destroyed || this.socket.readableEnded;
  }

  /** What it got after the answer to the handshake. The end may be missing. */
  get traffic(): Traffic {
    const got = Buffer.concat(this.#got);
    return trafficIn(this.status === 101 ? got.subarray(got.indexOf("\r\n\r\n") + 4) : Buffer.alloc(0), true);
  }

  say(item: Item): void {
    this.said.push(item);
    if (item.is === "close" || item.is === "broken") this.wellBehaved = false;
    this.#line = Buffer.concat([this.#line, bytesOf(item)]);
  }

  /** Writes this many of its bytes. */
  arrive(bytes = Infinity): void {
    const part = this.#line.subarray(0, bytes);
    this.#line = this.#line.subarray(part.length);
    if (part.length > 0 && this.socket.writable) this.socket.write(part);
  }

  hangUp(): void {
    this.wellBehaved = false;
    this.socket.end();
  }

  reset(): void {
    this.wellBehaved = false;
    this.socket.resetAndDestroy();
  }

  /** Reads no more, for now. */
  stick(): void {
    this.wellBehaved = false;
    this.socket.pause();
  }

  flow(): void {
    this.socket.resume();
  }

  #onBytes(chunk: Buffer): void {
    this.#got.push(chunk);
    const before = this.#closed;
    this.#skim(chunk);
    // The close frame does not wait for unsent bytes: the connection is over.
    if (this.polite && this.#closed && !before && this.socket.writable) this.socket.write(close(1000));
  }

  /** Looks for a close frame, at each frame's header only. */
  #skim(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#start, chunk.subarray(this.#skip(chunk.length))]);
    if (!this.#answered) {
      const end = bytes.indexOf("\r\n\r\n");
      this.#answered = end >= 0;
      bytes = this.#answered ? bytes.subarray(end + 4) : bytes;
    }
    while (this.#answered && bytes.length >= 2) {
      const short = bytes.readUInt8(1);
      const header = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length < header) break;
      this.#closed ||= (bytes.readUInt8(0) & 0x0f) === 8;
      const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
      this.#rest = header + length;
      bytes = bytes.subarray(this.#skip(bytes.length));
    }
    this.#start = bytes;
  }

  /** How many of this many bytes belong to the current frame. */
  #skip(bytes: number): number {
    const skipped = Math.min(this.#rest, bytes);
    this.#rest -= skipped;
    return skipped;
  }
}
