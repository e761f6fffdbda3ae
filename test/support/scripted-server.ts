import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import { type TlsOptions, createServer as createTlsServer } from "node:tls";
import { onTestFinished } from "vitest";
import { type Raw, RawClient } from "./raw-client.ts";

/** A server without the code under test. Each connection runs a script that writes bytes. */
export interface ScriptedServer {
  readonly port: number;
  /** `ws://` or `wss://`, on 127.0.0.1. */
  readonly url: string;
  /** The sockets of all connections so far. */
  readonly sockets: readonly Socket[];
}

/** What a server does with a connection. */
export type Script = (peer: ScriptedPeer) => unknown;

/** The server's end of a connection. */
export class ScriptedPeer {
  readonly raw: RawClient;
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    this.raw = RawClient.over(socket);
  }

  /** Writes the parts as one chunk. */
  write(...parts: readonly Raw[]): void {
    this.raw.write(...parts);
  }

  /** Reads the client's request. */
  request(): Promise<string> {
    return this.raw.head();
  }

  /** Reads the client's request, and answers 101 as RFC 6455 wants it. Other lines can be added, and bytes that follow at once. */
  async accept(lines: readonly string[] = [], ...more: readonly Raw[]): Promise<string> {
    const request = await this.request();
    this.write(answer(request, lines), ...more);
    return request;
  }
}

/** The answer 101 to a request, with more lines. */
export function answer(request: string, lines: readonly string[] = []): string {
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(request)}`,
    ...lines,
    "",
    "",
  ].join("\r\n");
}

/** The value of `Sec-WebSocket-Accept` for a request (RFC 6455 4.2.2). */
export function acceptOf(request: string): string {
  const key = headerOf(request, "Sec-WebSocket-Key") ?? "";
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** The value of a header in a request; undefined: it has none. */
export function headerOf(request: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, "im").exec(request)?.[1]?.trim();
}

/** Whether the client has ended or reset its connection. */
export function hasLeft(socket: Socket | undefined): boolean {
  return socket !== undefined && (socket.readableEnded || socket.destroyed);
}

/** A frame as a server sends it, in the shortest form. `first` is the first byte: FIN, the reserved bits and the opcode. */
export function unmasked(first: number, payload: Raw = ""): Buffer {
  const data = typeof payload === "string" ? Buffer.from(payload, "latin1") : Buffer.from(payload);
  const header = Buffer.alloc(data.length < 126 ? 2 : data.length < 65_536 ? 4 : 10);
  header[0] = first;
  header[1] = data.length < 126 ? data.length : data.length < 65_536 ? 126 : 127;
  if (header.length === 4) header.writeUInt16BE(data.length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(data.length), 2);
  return Buffer.concat([header, data]);
}

/**
 * Starts a server on a free port of 127.0.0.1. It ends with the test.
 *
 * @param script - runs for each connection; the last one for all further connections
 * @param tls - the server speaks TLS
 */
export async function scriptServer(script: Script | readonly Script[], tls?: TlsOptions): Promise<ScriptedServer> {
  const scripts = typeof script === "function" ? [script] : script;
  const sockets: Socket[] = [];
  const onSocket = (socket: Socket): void => {
    // A client that gives up may reset it.
    socket.on("error", () => undefined);
    const run = scripts[Math.min(sockets.length, scripts.length - 1)];
    sockets.push(socket);
    // A script fails when its client goes away; the test sees what the client does.
    void Promise.resolve(run?.(new ScriptedPeer(socket))).catch(() => undefined);
  };
  const server: Server =
    tls === undefined
      ? createServer({ allowHalfOpen: true, noDelay: true }, onSocket)
      : createTlsServer({ ...tls, allowHalfOpen: true }, onSocket).on("tlsClientError", () => undefined);
  const raw = new Set<Socket>();
  server.on("connection", (socket: Socket) => void raw.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    for (const socket of raw) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  return { port, sockets, url: `${tls === undefined ? "ws" : "wss"}://127.0.0.1:${String(port)}` };
}
