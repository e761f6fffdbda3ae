import { randomBytes } from "node:crypto";
import { type IncomingMessage, type Server, createServer, request } from "node:http";
import type { Duplex } from "node:stream";

import type { DataType } from "../connection/receiving/decode.ts";
import type { ConnectionSettings } from "../connection/settings.ts";
import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import { isPattern } from "../server/path-pattern.ts";
import { readOptions } from "../server/settings.ts";
import type { WebSocketServer } from "../server/websocket-server.ts";
import { MemorySocket } from "./memory-socket.ts";
import { RefusedError } from "./refused-error.ts";
import { type HandshakeResult, TestClient } from "./test-client.ts";

/** What a client in a test asks for. */
export interface ConnectOptions<T extends DataType = "auto"> {
  /** The target of the request, e.g. `/chat?name=ryan`. Default: the server's `path` if it is a plain one, or `/`. */
  readonly url?: string | undefined;
  /** Headers of the request, e.g. `cookie`, `authorization`, `origin`. `host` is `localhost` unless it is given. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** The subprotocols that the client offers. */
  readonly protocols?: readonly string[] | undefined;
  /** What `next` returns: see the option of the server. Default: `"auto"`, a string for a text and a Buffer for bytes. */
  readonly dataType?: T | undefined;
  /** The client's address, as the server sees it. Default: `127.0.0.1`. */
  readonly remoteAddress?: string | undefined;
  /** The client goes when it aborts before the server has answered. */
  readonly signal?: AbortSignal | undefined;
}

/** What is tested: any WebSocket server of the library, with a port, with a web server, or without one. */
export type TestedServer = Pick<WebSocketServer, "handleUpgrade" | "path">;

/** Bytes of a message. Tests may send more than the server's default of 1 MiB. */
const MAX_MESSAGE_SIZE = 16 * 1024 * 1024;

/**
 * Connects a client to a server in the same process, without a network: the handshake, the limits, the engine and closing are the
 * real ones, on a connection in memory. The server's port or web server is not used; the library's own timers are the only
 * timers, so they may be simulated (`vi.useFakeTimers()`, `mock.timers` of `node:test`).
 *
 * @returns the client, when the server has accepted it
 * @throws {RefusedError} when the server has answered with another status than 101
 * @throws {HawserError} with the code `HWS_CONNECT_FAILED` when it has cut the connection without an answer
 * @throws {InvalidArgumentError} for options of a wrong type
 * @example
 * const wss = new WebSocketServer(new Chat());
 * const ann = await connect(wss, { url: "/?name=ann", headers: { cookie: "session=1" } });
 * ann.send("hello");
 * expect((await ann.next()).value).toBe("ann: hello");
 * ann.close(1000);
 * await wss.terminate();
 */
export async function connect<T extends DataType = "auto">(
  wss: TestedServer,
  options: ConnectOptions<T> = {},
): Promise<TestClient<T>> {
  checkOptions(options);
  const settings = clientSettings(options.dataType ?? "auto");
  return new TestClient<T>(await handshake(wss, options), settings);
}

/** The names of all options. */
const NAMES = new Set(["url", "headers", "protocols", "dataType", "remoteAddress", "signal"]);

function checkOptions(options: object): void {
  if (typeof options !== "object" || (options as unknown) === null)
    throw new InvalidArgumentError("connect: options: expected an object");
  for (const name of Object.keys(options))
    if (!NAMES.has(name)) throw new InvalidArgumentError(`connect: ${name}: there is no such option`);
}

function clientSettings(dataType: DataType): ConnectionSettings {
  return {
    ...readOptions({ dataType, maxMessageSize: MAX_MESSAGE_SIZE, maxSendQueue: Infinity }),
    role: "client",
  };
}

/** Node's own HTTP, client and server, over a connection in memory. */
async function handshake(wss: TestedServer, options: ConnectOptions<DataType>): Promise<HandshakeResult> {
  const { client, server } = MemorySocket.pair(options.remoteAddress ?? "127.0.0.1");
  const sent = request({
    createConnection: () => client,
    path: options.url ?? defaultUrl(wss),
    headers: requestHeaders(options),
    ...(options.signal && { signal: options.signal }),
  });
  const answered = new Promise<HandshakeResult>((resolve, reject) => {
    sent.once("upgrade", (answer: IncomingMessage, stream: Duplex, head: Buffer) => {
      resolve({ stream, head, headers: headersOf(answer) });
    });
    sent.once("response", (answer: IncomingMessage) => {
      readRefusal(answer).then(reject, reject);
    });
    sent.once("error", (cause: Error) => {
      reject(options.signal?.aborted === true ? (options.signal.reason as Error) : connectError(cause));
    });
  });
  httpServerOf(wss).emit("connection", server);
  sent.end();
  return answered;
}

function defaultUrl({ path }: TestedServer): string {
  return typeof path === "string" && !isPattern(path) ? path : "/";
}

function requestHeaders({ headers, protocols }: ConnectOptions<DataType>): Record<string, string | string[]> {
  return {
    Host: "localhost",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    ...(protocols !== undefined && protocols.length > 0 && { "Sec-WebSocket-Protocol": protocols.join(", ") }),
    ...(headers as Record<string, string | string[]> | undefined),
  };
}

/** The web server that reads the requests for each WebSocket server. It does not listen. */
const httpServers = new WeakMap<TestedServer, Server>();

function httpServerOf(wss: TestedServer): Server {
  let known = httpServers.get(wss);
  if (known === undefined) {
    known = createServer({ maxHeaderSize: MAX_MESSAGE_SIZE });
    // 0: all headers.
    known.maxHeadersCount = 0;
    known.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Buffer) => {
      wss.handleUpgrade(message, socket, head);
    });
    httpServers.set(wss, known);
  }
  return known;
}

async function readRefusal(answer: IncomingMessage): Promise<RefusedError> {
  let body = "";
  answer.setEncoding("utf8");
  for await (const part of answer) body += part as string;
  return new RefusedError(answer.statusCode ?? 0, headersOf(answer), body.trimEnd());
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
  return headers;
}

function connectError(cause: Error): HawserError {
  return new HawserError("HWS_CONNECT_FAILED", cause.message, { cause });
}
