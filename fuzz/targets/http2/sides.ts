import { createServer } from "node:http";
import { type ServerHttp2Stream, createServer as createHttp2Server } from "node:http2";

import { WebSocketServer, type WSConnectionEvent, type WebSocketServerOptions } from "../../../src/hawser.ts";
import {
  Http2Flag,
  Http2Type,
  http2Frame,
  http2HeaderList,
  readHttp2Frames,
} from "../../../test/support/http2-bytes.ts";
import { Wire } from "../../../test/support/wire.ts";
import { FuzzHandler } from "../../harness/handler.ts";
import { turns } from "../../harness/run.ts";

/** The handler of a connection that may send. */
type Handler = FuzzHandler<{ send(data: never): unknown }>;

/** What a server is made with. */
export interface Setup {
  readonly options: WebSocketServerOptions;
  /** What `onConnection` does. */
  readonly answer: (event: WSConnectionEvent, handler: Handler) => unknown;
}

/** Names and values in their order. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** A request for a WebSocket, of which HTTP/1.1 and HTTP/2 have the same parts. */
export interface SameRequest {
  readonly target: string;
  readonly host: string;
  /** The headers that both have. Names are in lower case. */
  readonly fields: Fields;
  /** What only a request of HTTP/2 has in addition: pseudo-headers that come again, and names that are not allowed. */
  readonly more: Fields;
}

/** Turns in which everything has happened. A deflater may need some. */
const TURNS = 12;

/** A server of one version of HTTP with one client in memory. */
abstract class Side {
  readonly wss: WebSocketServer;
  readonly handler: Handler = new FuzzHandler();
  /** The events of `onConnection`. */
  readonly events: WSConnectionEvent[] = [];
  protected readonly wire = new SocketLike();

  constructor({ options, answer }: Setup, server: object) {
    this.wss = new WebSocketServer(
      {
        onConnection: (_wss: unknown, event: WSConnectionEvent) => {
          this.events.push(event);
          return answer(event, this.handler) as FuzzHandler;
        },
        onError: () => undefined,
      },
      { ...options, server } as WebSocketServerOptions,
    );
  }

  /** The status of the answer; undefined: there is none. */
  abstract get status(): number | undefined;

  /** The bytes of the WebSocket that the server has sent. */
  abstract get sent(): Buffer;

  abstract get isOpen(): boolean;

  /** Sends the request. */
  abstract ask(request: SameRequest): Promise<void>;

  /** Sends bytes of the WebSocket. */
  abstract arrive(bytes: Uint8Array): Promise<void>;

  /** Ends the client's side. */
  abstract end(): Promise<void>;

  /** Ends what is left. Returns whether the server has settled. */
  async close(): Promise<boolean> {
    this.wire.destroy();
    const settled: boolean[] = [];
    void this.wss.terminate(0).then(() => settled.push(true));
    await turns(4);
    return settled.length > 0 && this.wss.connections.length === 0;
  }
}

/** A stream that Node's web server can close after an answer, as it does with a socket. */
class SocketLike extends Wire {
  /** The method of `net.Socket`. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }
}

/** Over HTTP/1.1. */
export class Http1Side extends Side {
  constructor(setup: Setup) {
    const web = createServer();
    super(setup, web);
    // Node's type requires a socket, but its documentation allows any stream.
    web.emit("connection", this.wire as unknown as never);
  }

  override get status(): number | undefined {
    const found = /^HTTP\/1\.1 (\d{3})/.exec(this.#taken.toString("latin1"))?.[1];
    return found === undefined ? undefined : Number(found);
  }

  override get isOpen(): boolean {
    return this.status === 101;
  }

  override get sent(): Buffer {
    return this.#taken.subarray(this.#taken.indexOf("\r\n\r\n") + 4);
  }

  override async ask({ target, host, fields }: SameRequest): Promise<void> {
    const own: Fields = [
      ["host", host],
      ["upgrade", "websocket"],
      ["connection", "Upgrade"],
      ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="],
    ];
    const lines = [...own, ...fields].map(([name, value]) => `${name}: ${value}`);
    await this.arrive(Buffer.from([`GET ${target} HTTP/1.1`, ...lines, "", ""].join("\r\n"), "latin1"));
  }

  override async arrive(bytes: Uint8Array): Promise<void> {
    if (!this.wire.destroyed) this.wire.arrive(bytes);
    await turns(TURNS);
  }

  override async end(): Promise<void> {
    if (!this.wire.destroyed) this.wire.arriveEnd();
    await turns(TURNS);
  }

  get #taken(): Buffer {
    return Buffer.from(this.wire.taken);
  }
}

/** Over HTTP/2, with frames that no client makes. */
export class Http2Side extends Side {
  #stream: ServerHttp2Stream | undefined;

  constructor(setup: Setup) {
    const web = createHttp2Server();
    super(setup, web);
    const emit = web.emit.bind(web) as (event: string, ...args: unknown[]) => boolean;
    web.emit = (event: string, ...args: unknown[]) => {
      if (event === "stream") this.#stream = args[0] as ServerHttp2Stream;
      return emit(event, ...args);
    };
    web.emit("connection", this.wire as unknown as never);
    this.wire.arrive(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), http2Frame(Http2Type.settings, 0, 0));
  }

  /** Undefined also if Node has reset the stream before the library has seen it. */
  override get status(): number | undefined {
    if (this.#stream?.headersSent !== true) return undefined;
    return Number(this.#stream.sentHeaders[":status"]);
  }

  override get isOpen(): boolean {
    return this.status === 200;
  }

  override get sent(): Buffer {
    const frames = readHttp2Frames(Buffer.from(this.wire.taken));
    return Buffer.concat(frames.flatMap(({ type, payload }) => (type === Http2Type.data ? [payload] : [])));
  }

  override async ask({ target, host, fields, more }: SameRequest): Promise<void> {
    const headers = http2HeaderList([
      [":method", "CONNECT"],
      [":protocol", "websocket"],
      [":scheme", "http"],
      [":authority", host],
      [":path", target],
      ...more,
      ...fields,
    ]);
    await this.#send(http2Frame(Http2Type.headers, Http2Flag.endHeaders, 1, headers));
  }

  override async arrive(bytes: Uint8Array): Promise<void> {
    await this.#send(http2Frame(Http2Type.data, 0, 1, bytes));
  }

  override async end(): Promise<void> {
    await this.#send(http2Frame(Http2Type.data, Http2Flag.endStream, 1));
  }

  async #send(frame: Uint8Array): Promise<void> {
    if (!this.wire.destroyed) this.wire.arrive(frame);
    await turns(TURNS);
  }
}

export type { Side };
