import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { onTestFinished } from "vitest";
import { dial } from "../../support/transport.ts";

/** A frame with which a message begins, and what belongs to it. */
export interface TappedMessage {
  /** RSV1 of its first frame: the message is compressed (RFC 7692 6). */
  readonly compressed: boolean;
  readonly opcode: number;
  /** Its frames. */
  frames: number;
  /** The bytes of their payloads, as they were sent. */
  bytes: number;
}

/** A WebSocket connection as it was on the wire. */
export class TappedConnection {
  readonly request: string;
  readonly answer: string;
  readonly fromClient = new Tap();
  readonly fromServer = new Tap();

  constructor(request: string, answer: string) {
    this.request = request;
    this.answer = answer;
  }

  /** The extensions that the client has offered. */
  get offered(): string {
    return extensionsOf(this.request);
  }

  /** The extensions that the server has answered. */
  get agreed(): string {
    return extensionsOf(this.answer);
  }
}

function extensionsOf(head: string): string {
  return [...head.matchAll(/^sec-websocket-extensions: *(.*)$/gim)].map(([, value = ""]) => value.trim()).join(", ");
}

/** The frames of one direction. */
export class Tap {
  /** Messages. Control frames are not among them. */
  readonly messages: TappedMessage[] = [];
  /** RSV1 on a frame that must not have it: a control frame, or a continuation. */
  misplaced = 0;
  readonly #header: number[] = [];
  #rest = 0;

  read(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const skipped = Math.min(this.#rest, chunk.length - at);
      this.#rest -= skipped;
      at += skipped;
      if (at < chunk.length) this.#header.push(chunk[at++]!);
      this.#readHeader();
    }
  }

  #readHeader(): void {
    const [first = 0, second = 0] = this.#header;
    const short = second & 0x7f;
    const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
    const size = 2 + extended + (second >= 0x80 ? 4 : 0);
    if (this.#header.length < 2 || this.#header.length < size) return;
    const length =
      extended === 0 ? short : this.#header.slice(2, 2 + extended).reduce((sum, byte) => sum * 256 + byte, 0);
    this.#header.length = 0;
    this.#rest = length;
    this.#note(first & 0x0f, (first & 0x40) !== 0, length);
  }

  #note(opcode: number, compressed: boolean, bytes: number): void {
    if (opcode === 1 || opcode === 2) {
      this.messages.push({ compressed, opcode, frames: 1, bytes });
      return;
    }
    if (compressed) this.misplaced++;
    const message = this.messages.at(-1);
    if (opcode !== 0 || message === undefined) return;
    message.frames++;
    message.bytes += bytes;
  }
}

/** A proxy that reads along, and passes HTTP/1.1 on over the transport of the tests. */
export interface Tapped {
  readonly port: number;
  /** WebSocket connections, in the order of their answers. */
  readonly connections: readonly TappedConnection[];
}

/** Starts a proxy in front of a server, for the length of a test. */
export async function tap(port: number): Promise<Tapped> {
  const connections: TappedConnection[] = [];
  const sockets = new Set<Socket>();
  const proxy = createServer({ noDelay: true }, (client) => {
    const server = dial({ port });
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        (socket === client ? server : client).destroy();
      });
    }
    readAlong(client, server, (connection) => connections.push(connection));
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
    await once(proxy, "close");
  });
  return { port: (proxy.address() as AddressInfo).port, connections };
}

function readAlong(client: Socket, server: Socket, onOpen: (connection: TappedConnection) => void): void {
  let request = "";
  let answer = "";
  let connection: TappedConnection | undefined;
  client.on("data", (chunk: Buffer) => {
    if (connection === undefined) request += chunk.toString("latin1");
    else connection.fromClient.read(chunk);
    server.write(chunk);
  });
  server.on("data", (chunk: Buffer) => {
    if (connection === undefined) {
      answer += chunk.toString("latin1");
      const end = answer.indexOf("\r\n\r\n");
      // Other answers are ordinary ones, such as a page: they need not be read.
      if (end >= 0 && answer.startsWith("HTTP/1.1 101 ")) {
        connection = new TappedConnection(request, answer.slice(0, end));
        onOpen(connection);
        connection.fromServer.read(Buffer.from(answer.slice(end + 4), "latin1"));
      }
    } else connection.fromServer.read(chunk);
    client.write(chunk);
  });
  client.on("end", () => server.end());
  server.on("end", () => client.end());
}
