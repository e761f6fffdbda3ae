import type { ClientRequest, IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { type ClientOptions, WebSocket } from "ws";
import { wsOptions } from "./transport.ts";

/** What has an address once it listens: a WebSocket server or a web server. */
interface Addressed {
  address(): AddressInfo | string | null;
}

/** Waits, turn by turn of the event loop, until `holds` returns true. The test's timeout is the limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

/** Waits for the next turn of the event loop. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Waits until a server listens, and returns its port. */
export async function portOf(server: Addressed): Promise<number> {
  await until(() => server.address() !== null);
  return (server.address() as AddressInfo).port;
}

/** A promise, and the functions that settle it. */
export interface Deferred<T = void> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** A promise that the test settles. */
export function deferred<T = void>(): Deferred<T> {
  let resolve: Deferred<T>["resolve"] = () => {};
  let reject: Deferred<T>["reject"] = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** The response to a refused client. */
export interface Refused {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A client made with the `ws` package. */
export class Peer {
  readonly socket: WebSocket;
  /** All that came; texts as strings, bytes as `Buffer`. */
  readonly messages: (string | Buffer)[] = [];
  /** The code and reason of the close frame that came; 1006 when the connection just ended. */
  readonly closed: Promise<readonly [code: number, reason: string]>;
  readonly #opened: Promise<void>;

  private constructor(url: string, protocols: readonly string[], options: ClientOptions) {
    this.socket = new WebSocket(url, [...protocols], { rejectUnauthorized: false, ...options });
    onTestFinished(() => this.socket.terminate());
    this.socket.on("message", (data, isBinary) => {
      this.messages.push(isBinary ? (data as Buffer) : (data as Buffer).toString());
    });
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => resolve([code, reason.toString()]));
    });
    this.#opened = new Promise((resolve, reject) => {
      this.socket.on("open", resolve).on("error", reject);
    });
    // A test that is not interested in the opening need not wait for it.
    this.#opened.catch(() => {});
  }

  /** Connects to 127.0.0.1. */
  static async open(
    port: number,
    path = "/",
    protocols: readonly string[] = [],
    options: ClientOptions = {},
  ): Promise<Peer> {
    const peer = Peer.begin(port, path, protocols, options);
    await peer.#opened;
    return peer;
  }

  /** Starts to connect to 127.0.0.1, and does not wait. */
  static begin(port: number, path = "/", protocols: readonly string[] = [], options: ClientOptions = {}): Peer {
    return new Peer(`ws://127.0.0.1:${port}${path}`, protocols, { ...wsOptions(), ...options });
  }

  /** Connects to 127.0.0.1 over TLS. The certificate is not checked, unless the options say so. */
  static async openSecure(port: number, path = "/", options: ClientOptions = {}): Promise<Peer> {
    const peer = new Peer(`wss://127.0.0.1:${port}${path}`, [], options);
    await peer.#opened;
    return peer;
  }

  /** Connects and returns the refusal. Rejects when the client was accepted. */
  static async refused(port: number, path = "/", options: ClientOptions = {}): Promise<Refused> {
    const peer = Peer.begin(port, path, [], options);
    return new Promise((resolve, reject) => {
      peer.socket.on("open", () => reject(new Error("expected a refusal, was accepted")));
      peer.socket.on("error", reject);
      peer.socket.on("unexpected-response", (_request: ClientRequest, response: IncomingMessage) => {
        let body = "";
        response.setEncoding("utf8").on("data", (part: string) => (body += part));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      });
    });
  }

  /** Waits until this many messages have come, and returns all. */
  async received(count: number): Promise<readonly (string | Buffer)[]> {
    while (this.messages.length < count) await new Promise((resolve) => this.socket.once("message", resolve));
    return this.messages;
  }
}
