import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { onTestFinished } from "vitest";
import { dialed } from "./transport.ts";

/** An HTTP response as it stood on the wire. */
export interface RawResponse {
  readonly statusLine: string;
  readonly status: number;
  /** By lower-case name; each field line is one entry. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
}

/** A frame as it stood on the wire. */
export interface RawFrame {
  readonly fin: boolean;
  /** RSV1, RSV2 and RSV3 as a number from 0 to 7. */
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** How many bytes the length took: 1, 3 or 9. */
  readonly lengthBytes: number;
  readonly payload: Buffer;
}

/** What can be written: text as Latin-1, so that a character is a byte, or bytes. */
export type Raw = string | readonly number[] | Uint8Array;

/** The nonce of RFC 6455's own example. */
export const SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** A handshake that every server accepts. A field can be replaced, or left out with `undefined`. */
export function handshake(path = "/", fields: Readonly<Record<string, string | undefined>> = {}): string {
  const all: Record<string, string | undefined> = {
    Host: "127.0.0.1",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": SAMPLE_KEY,
    "Sec-WebSocket-Version": "13",
    ...fields,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined);
  return [`GET ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), "", ""].join("\r\n");
}

/**
 * A client's frame, masked with `key`, in the shortest form.
 *
 * @param first - the first byte: FIN, the reserved bits and the opcode
 * @param payload - before masking
 * @param key - the masking key
 */
export function masked(first: number, payload: Raw = "", key = [0x37, 0xfa, 0x21, 0x3d]): Buffer {
  const data = Buffer.from(toBytes(payload));
  const header = Buffer.alloc(data.length < 126 ? 2 : data.length < 65536 ? 4 : 10);
  header[0] = first;
  header[1] = 0x80 | (data.length < 126 ? data.length : data.length < 65536 ? 126 : 127);
  if (header.length === 4) header.writeUInt16BE(data.length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(data.length), 2);
  for (let i = 0; i < data.length; i++) data[i] = data[i]! ^ key[i % 4]!;
  return Buffer.concat([header, Buffer.from(key), data]);
}

/** The body of a close frame. */
export function closeBody(code: number, reason = ""): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

/** A client without the code under test, on the transport of the tests. It writes the given bytes and reads the response. */
export class RawClient {
  readonly socket: Socket;
  #bytes = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", end).on("close", end).on("error", end);
  }

  /**
   * Connects. The socket is destroyed at the end of the test, and stays half open when the server ends its half.
   *
   * @param port - on 127.0.0.1
   */
  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await dialed(port));
  }

  /** Reads and writes at the server's end: of a socket that a client has opened. It is destroyed at the end of the test. */
  static over(socket: Socket): RawClient {
    onTestFinished(() => void socket.destroy());
    return new RawClient(socket);
  }

  /**
   * Connects by TLS.
   *
   * @param port - on 127.0.0.1
   * @param ca - the certificate that signs the server's
   */
  static async connectTls(port: number, ca: string): Promise<RawClient> {
    const socket = connectTls({ port, host: "127.0.0.1", ca });
    onTestFinished(() => void socket.destroy());
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return new RawClient(socket);
  }

  /**
   * Connects and upgrades; throws when the answer is not 101.
   *
   * @param port - on 127.0.0.1
   * @param path - the request target
   * @param fields - as `handshake` takes them
   */
  static async open(
    port: number,
    path?: string,
    fields?: Readonly<Record<string, string | undefined>>,
  ): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.write(handshake(path, fields));
    const { status, statusLine, body } = await client.response();
    if (status !== 101) throw new Error(`expected 101, got: ${statusLine} ${body}`);
    return client;
  }

  /** Writes the parts as one chunk. */
  write(...parts: readonly Raw[]): void {
    this.socket.write(Buffer.concat(parts.map(toBytes)));
  }

  /** Ends the client's half of the connection. */
  end(): void {
    this.socket.end();
  }

  /** Reads the head of an HTTP message, as text: a client's request. */
  async head(): Promise<string> {
    let end = -1;
    await this.#until(() => (end = this.#bytes.indexOf("\r\n\r\n")) >= 0);
    if (end < 0) throw new Error(`the connection ended with: ${JSON.stringify(this.#bytes.toString("latin1"))}`);
    return this.#take(end + 4).toString("latin1");
  }

  /** Reads an HTTP response: the head, and the body as `Content-Length` or chunks delimit it. */
  async response(): Promise<RawResponse> {
    let end = -1;
    await this.#until(() => (end = this.#bytes.indexOf("\r\n\r\n")) >= 0);
    if (end < 0) throw new Error(`the connection ended with: ${JSON.stringify(this.#bytes.toString("latin1"))}`);
    const [statusLine = "", ...lines] = this.#take(end + 4)
      .toString("latin1")
      .slice(0, -4)
      .split("\r\n");
    const headers = new Map<string, string[]>();
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
    }
    const chunked = headers.get("transfer-encoding")?.includes("chunked") === true;
    const body = chunked ? await this.#chunks() : await this.#next(Number(headers.get("content-length")?.[0] ?? 0));
    return { statusLine, status: Number(statusLine.split(" ")[1]), headers, body: body.toString("utf8") };
  }

  /** Reads the next frame; undefined when the server ended the connection instead. */
  async frame(): Promise<RawFrame | undefined> {
    await this.#until(() => this.#bytes.length >= 2);
    if (this.#bytes.length === 0) return undefined;
    const [first = 0, second = 0] = await this.#next(2);
    const short = second & 0x7f;
    const extended = short < 126 ? Buffer.alloc(0) : await this.#next(short === 126 ? 2 : 8);
    const length = extended.length === 0 ? short : Number(BigInt(`0x${extended.toString("hex")}`));
    const isMasked = second >= 0x80;
    const key = isMasked ? await this.#next(4) : [];
    const payload = await this.#next(length);
    for (let i = 0; isMasked && i < length; i++) payload[i] = payload[i]! ^ key[i % 4]!;
    return {
      fin: first >= 0x80,
      rsv: (first >> 4) & 7,
      opcode: first & 0x0f,
      masked: isMasked,
      lengthBytes: 1 + extended.length,
      payload,
    };
  }

  /** Reads every frame until the server ends the connection. */
  async frames(): Promise<RawFrame[]> {
    const frames: RawFrame[] = [];
    for (let frame = await this.frame(); frame !== undefined; frame = await this.frame()) frames.push(frame);
    return frames;
  }

  /** Waits until the server ends the connection. Returns the unread bytes. */
  async rest(): Promise<Buffer> {
    await this.#until(() => false);
    return this.#take(this.#bytes.length);
  }

  /** Waits until `ready`, or until nothing more can come. */
  async #until(ready: () => boolean): Promise<void> {
    while (!ready() && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** RFC 9112 7.1, without extensions and trailers. */
  async #chunks(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (;;) {
      await this.#until(() => this.#bytes.includes("\r\n"));
      const line = await this.#next(this.#bytes.indexOf("\r\n") + 2);
      const chunk = await this.#next(Number.parseInt(line.toString("latin1"), 16) + 2);
      if (chunk.length === 2) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, -2));
    }
  }

  async #next(count: number): Promise<Buffer> {
    await this.#until(() => this.#bytes.length >= count);
    if (this.#bytes.length < count) throw new Error(`the connection ended too early: ${this.#bytes.toString("hex")}`);
    return this.#take(count);
  }

  #take(count: number): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, count));
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }
}

function toBytes(raw: Raw): Uint8Array {
  return typeof raw === "string" ? Buffer.from(raw, "latin1") : Uint8Array.from(raw);
}
