import type { Socket } from "node:net";
import { type InflateRaw, createInflateRaw } from "node:zlib";
import { type Raw, handshake } from "../../support/raw-client.ts";
import { dialed } from "../../support/transport.ts";

/** The four bytes that a sender removes (RFC 7692 7.2.1). */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** A message that has come. */
export interface Received {
  readonly opcode: number;
  readonly compressed: boolean;
  readonly payload: Buffer;
}

/**
 * A client without the code under test. It has one inflater for all messages of its connection, with the agreed window: it
 * reads what a peer with context takeover would read.
 */
export class InflatingClient {
  readonly socket: Socket;
  /** The messages, and the close frame. */
  readonly frames: Received[] = [];
  /** The answer to the handshake. */
  extensions = "";
  /** Why a message could not be read. */
  failure: unknown;
  /** The server has ended its half, or the connection is gone. */
  over = false;
  readonly #inflater: InflateRaw;
  #inflated: Buffer[] = [];
  /** Settles when the last message is inflated. */
  #before: Promise<void> = Promise.resolve();
  #parts: Buffer[] = [];
  #size = 0;
  #needed = 0;
  #isOpen = false;

  private constructor(socket: Socket, windowBits: number) {
    this.socket = socket;
    this.#inflater = createInflateRaw({ windowBits });
    this.#inflater.on("error", (error) => (this.failure ??= error));
    this.#inflater.on("data", (bytes: Buffer) => this.#inflated.push(bytes));
    socket.on("data", (chunk: Buffer) => {
      this.#parts.push(chunk);
      this.#size += chunk.length;
      if (this.#size >= this.#needed) this.#read();
    });
    const end = (): void => void (this.over = true);
    socket.on("end", end).on("close", end).on("error", end);
  }

  /** Connects and upgrades with this offer. The window is that of the offer. */
  static async open(port: number, offer: string, path = "/"): Promise<InflatingClient> {
    const socket = await dialed(port);
    const windowBits = Number(/server_max_window_bits=(\d+)/.exec(offer)?.[1] ?? 15);
    const client = new InflatingClient(socket, windowBits);
    client.write(handshake(path, { "Sec-WebSocket-Extensions": offer }));
    while (!client.#isOpen && !client.over) await new Promise((resolve) => setImmediate(resolve));
    return client;
  }

  /** Settles when all that has come is inflated. */
  get inflated(): Promise<void> {
    return this.#before;
  }

  /** Writes the parts as one chunk. */
  write(...parts: readonly Raw[]): void {
    const bytes = parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part)));
    this.socket.write(Buffer.concat(bytes));
  }

  #read(): void {
    let bytes = Buffer.concat(this.#parts);
    if (!this.#isOpen) {
      const end = bytes.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#isOpen = true;
        this.extensions = /^sec-websocket-extensions: (.*)\r$/im.exec(bytes.toString("latin1", 0, end + 2))?.[1] ?? "";
        bytes = bytes.subarray(end + 4);
      }
    }
    let at = 0;
    while (this.#isOpen && (this.#needed = sizeOf(bytes, at)) <= bytes.length - at) at += this.#readFrame(bytes, at);
    this.#parts = [bytes.subarray(at)];
    this.#size = bytes.length - at;
  }

  #readFrame(bytes: Buffer, at: number): number {
    const size = sizeOf(bytes, at);
    const first = bytes[at]!;
    const body = bytes.subarray(at + headerOf(bytes, at), at + size);
    const compressed = (first & 0x40) !== 0;
    this.#before = this.#before.then(async () => {
      const payload = compressed ? await this.#inflate(body) : Buffer.from(body);
      this.frames.push({ opcode: first & 0x0f, compressed, payload });
    });
    return size;
  }

  async #inflate(body: Buffer): Promise<Buffer> {
    this.#inflated = [];
    this.#inflater.write(Buffer.concat([body, TAIL]));
    await new Promise<void>((resolve) => {
      this.#inflater.once("error", resolve).flush(() => {
        this.#inflater.off("error", resolve);
        resolve();
      });
    });
    return Buffer.concat(this.#inflated);
  }
}

function headerOf(bytes: Buffer, at: number): number {
  const length7 = bytes[at + 1]! & 0x7f;
  return length7 < 126 ? 2 : length7 === 126 ? 4 : 10;
}

/** The size of the frame at `at`, or more than there is. */
function sizeOf(bytes: Buffer, at: number): number {
  if (bytes.length < at + 2 || bytes.length < at + headerOf(bytes, at)) return bytes.length - at + 1;
  const length7 = bytes[at + 1]! & 0x7f;
  const length =
    length7 < 126 ? length7 : length7 === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  return headerOf(bytes, at) + length;
}
