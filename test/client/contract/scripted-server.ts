import { once } from "node:events";
import { type IncomingMessage, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { deferred } from "../../support/peer.ts";
import type { Content, Script, SeenDial, Step } from "./script.ts";

/** One connection, and what came on it. */
interface Connection {
  readonly ws: WebSocket;
  readonly stream: Duplex;
  readonly messages: Content[];
  bytes: number;
  code: number | undefined;
}

/** A scripted server that speaks WebSocket with the package `ws`, so that it shares no code with the client. */
export class ScriptedServer implements Script {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Duplex>();
  #plan: Step[] = [];
  #dials: SeenDial[] = [];
  #connections: Connection[] = [];
  #changed = deferred();

  async start(plan: readonly Step[] = []): Promise<string> {
    this.#plan = [...plan];
    const webSockets = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => this.#protocol ?? offered.values().next().value ?? false,
    });
    const server = createServer();
    server.on("upgrade", (request, stream, head) => this.#onDial(webSockets, request, stream, head));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.#servers.push(server);
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** Ends all. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers.splice(0)) {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    }
  }

  async dial(number: number): Promise<SeenDial> {
    return this.#when(() => this.#dials[number - 1]);
  }

  async dials(): Promise<number> {
    return this.#dials.length;
  }

  async send(connection: number, content: Content): Promise<void> {
    const { ws } = await this.#connection(connection);
    ws.send(typeof content === "string" ? content : Uint8Array.from(content));
  }

  async close(connection: number, code?: number, reason?: string): Promise<void> {
    const { ws } = await this.#connection(connection);
    ws.close(code, reason);
  }

  async die(connection: number): Promise<void> {
    const { ws } = await this.#connection(connection);
    ws.terminate();
  }

  async pause(connection: number): Promise<void> {
    const { ws } = await this.#connection(connection);
    ws.pause();
  }

  async resume(connection: number): Promise<void> {
    const { ws } = await this.#connection(connection);
    ws.resume();
  }

  async received(connection: number, count: number): Promise<readonly Content[]> {
    const { messages } = await this.#connection(connection);
    return this.#when(() => (messages.length >= count ? messages : undefined));
  }

  async receivedBytes(connection: number, bytes: number): Promise<void> {
    const made = await this.#connection(connection);
    await this.#when(() => (made.bytes >= bytes ? made : undefined));
  }

  async ended(connection: number): Promise<number> {
    const made = await this.#connection(connection);
    return this.#when(() => made.code);
  }

  #connection(number: number): Promise<Connection> {
    return this.#when(() => this.#connections[number - 1]);
  }

  async #when<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await this.#changed.promise;
    }
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = deferred();
  }

  #protocol: string | undefined;

  #onDial(webSockets: WebSocketServer, request: IncomingMessage, stream: Duplex, head: Buffer): void {
    this.#sockets.add(stream);
    stream.on("close", () => this.#sockets.delete(stream)).on("error", () => undefined);
    const { url = "", headers } = request;
    this.#dials.push({ path: url, protocols: headers["sec-websocket-protocol"] ?? "", headers });
    const step = this.#plan.shift() ?? {};
    if (step.refuse !== undefined)
      stream.end(`HTTP/1.1 ${step.refuse} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    else if (step.stall !== true) {
      this.#protocol = step.protocol;
      webSockets.handleUpgrade(request, stream, head, (ws) => this.#onOpen(ws, stream, step));
    }
    this.#change();
  }

  #onOpen(ws: WebSocket, stream: Duplex, { send = [], answers }: Step): void {
    const connection: Connection = { ws, stream, messages: [], bytes: 0, code: undefined };
    this.#connections.push(connection);
    ws.on("message", (data: Buffer, isBinary) => {
      if (!isBinary && data.toString() === answers?.[0]) return ws.send(answers[1]);
      connection.bytes += data.length;
      connection.messages.push(isBinary ? [...data] : data.toString());
      this.#change();
    });
    ws.on("error", () => undefined);
    ws.on("close", (code) => {
      connection.code = code;
      this.#change();
    });
    for (const text of send) ws.send(text);
    this.#change();
  }
}
