import type { IncomingMessage } from "node:http";
import { type ClientOptions, WebSocket } from "ws";
import { type Client, type Content, type Ending, type Peer, Refused } from "./client.ts";
import { binary, payloadOf, seen, text } from "./content.ts";

/** The client of the `ws` package, in this process. */
export class WsClient implements Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
  }

  async open(url: string, protocols: readonly string[] = []): Promise<WsPeer> {
    const socket = new WebSocket(url, [...protocols], this.#options);
    const peer = new WsPeer(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("unexpected-response", (_request, response: IncomingMessage) => {
        reject(new Refused(response.statusCode));
        socket.terminate();
      });
      socket.once("error", reject);
    });
    return peer;
  }

  async end(): Promise<void> {}
}

/** One of its connections. */
export class WsPeer implements Peer {
  /** The client's own object, for what only it can do. */
  readonly socket: WebSocket;
  readonly #ending: Promise<Ending>;
  readonly #messages: string[] = [];
  #ended: Ending | undefined;
  #wake: () => void = () => {};

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("error", () => {}); // the end follows, and says the same
    socket.on("message", (data: Buffer, isBinary) => {
      this.#messages.push(seen(isBinary ? binary(data.toString("hex")) : text(data.toString())));
      this.#wake();
    });
    this.#ending = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        this.#ended = { code, reason: reason.toString() };
        this.#wake();
        resolve(this.#ended);
      });
    });
  }

  get protocol(): string {
    return this.socket.protocol;
  }

  async send(content: Content): Promise<void> {
    this.socket.send(payloadOf(content));
  }

  async count(messages: number): Promise<void> {
    for (let n = 0; n < messages; n++) this.socket.send(`${n}`);
  }

  async fragments(parts: readonly Content[], pings: boolean): Promise<void> {
    for (const [index, part] of parts.entries()) {
      const last = index === parts.length - 1;
      this.socket.send(payloadOf(part), { fin: last });
      if (pings && !last) await this.ping(`after ${index}`);
    }
  }

  async received(messages: number): Promise<string[]> {
    while (this.#messages.length < messages) {
      if (this.#ended !== undefined) {
        throw new Error(`closed with ${this.#ended.code} after ${this.#messages.length} of ${messages} messages`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#messages.splice(0, messages);
  }

  async ping(payload: string): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => {
      const listen = (data: Buffer): void => {
        if (data.toString() !== payload) return;
        this.socket.off("pong", listen);
        resolve();
      };
      this.socket.on("pong", listen);
      this.socket.once("close", (code) => reject(new Error(`closed with ${code} before the pong came`)));
    });
    this.socket.ping(payload);
    await answered;
  }

  async pong(payload: string): Promise<void> {
    this.socket.pong(payload);
  }

  async close(code?: number, reason?: string): Promise<void> {
    this.socket.close(code, reason);
  }

  closed(): Promise<Ending> {
    return this.#ending;
  }

  async lose(): Promise<void> {
    this.socket.terminate();
  }

  async pause(): Promise<void> {
    this.socket.pause();
  }

  async resume(): Promise<void> {
    this.socket.resume();
  }

  async dispose(): Promise<void> {
    this.socket.terminate();
    await this.#ending;
  }
}
