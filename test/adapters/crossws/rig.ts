import { on, once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import nodeAdapter, { type NodeAdapter, type NodeOptions } from "crossws/adapters/node";
import { type CrosswsOptions, crosswsAdapter } from "hawser/crossws";
import { onTestFinished } from "vitest";
import { type ClientOptions, WebSocket } from "ws";

/** Makes an adapter. */
type Make = (options: Omit<CrosswsOptions, "serverOptions">) => NodeAdapter;

/** The two adapters that must behave in the same way: crossws' own, on `ws`, is the oracle. */
export const BOTH: readonly (readonly [string, Make])[] = [
  ["crossws/adapters/node", nodeAdapter],
  ["hawser/crossws", crosswsAdapter],
];

export type Hooks = NonNullable<NodeOptions["hooks"]>;
export type Peer = Parameters<NonNullable<Hooks["open"]>>[0];
export type Message = Parameters<NonNullable<Hooks["message"]>>[1];

/** An adapter on a web server of its own. */
export interface Running<Adapter = NodeAdapter> {
  readonly adapter: Adapter;
  /** Its URL, without a path. */
  readonly url: string;
  /** Connects a client. */
  readonly open: (path?: string, wishes?: Wishes) => Promise<Client>;
  /** The answer to a client that is refused. */
  readonly refusal: (path?: string, wishes?: Wishes) => Promise<Refused>;
}

/** What a client asks for. */
interface Wishes extends ClientOptions {
  readonly offers?: readonly string[];
}

interface Refused {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Starts a web server for an adapter. */
export async function serve<Adapter extends Pick<NodeAdapter, "handleUpgrade" | "closeAll">>(
  adapter: Adapter,
): Promise<Running<Adapter>> {
  const web = createServer((_request, response) => void response.writeHead(426).end());
  web.on("upgrade", (request, socket, head) => void adapter.handleUpgrade(request, socket, head));
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  onTestFinished(async () => {
    adapter.closeAll(undefined, undefined, true);
    if ("close" in adapter) await (adapter as unknown as NodeAdapter).close();
    web.closeAllConnections();
    web.close();
  });
  const url = `ws://127.0.0.1:${String((web.address() as AddressInfo).port)}`;
  return {
    adapter,
    url,
    open: (path = "/", wishes = {}) => Client.open(url + path, wishes),
    refusal: (path = "/", wishes = {}) => refusal(url + path, wishes),
  };
}

/** A client that keeps its messages until a test asks. */
export class Client {
  readonly socket: WebSocket;
  /** Its close code and the reason. */
  readonly closed: Promise<readonly [number, string]>;
  /** The headers of the answer to its handshake. */
  headers: IncomingMessage["headers"] = {};
  readonly #messages: AsyncIterator<[Buffer, boolean]>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.#messages = on(socket, "message", { close: ["close"] }) as AsyncIterator<[Buffer, boolean]>;
    socket.once("upgrade", ({ headers }) => (this.headers = headers));
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        resolve([code, String(reason)]);
      });
    });
  }

  static async open(url: string, { offers = [], ...options }: Wishes): Promise<Client> {
    const client = new Client(new WebSocket(url, [...offers], options));
    onTestFinished(() => {
      client.socket.terminate();
    });
    await once(client.socket, "open");
    return client;
  }

  /** The next message: a text as it is, or bytes. */
  async next(): Promise<string | Buffer> {
    const next = await this.#messages.next();
    if (next.done === true) throw new Error("the connection has ended");
    const [data, isBinary] = next.value;
    return isBinary ? data : data.toString();
  }

  /** Sends a message, and waits for the next one. */
  ask(message: string | Uint8Array): Promise<string | Buffer> {
    this.socket.send(message);
    return this.next();
  }
}

async function refusal(url: string, { offers = [], ...options }: Wishes): Promise<Refused> {
  const socket = new WebSocket(url, [...offers], options);
  socket.on("error", () => undefined); // it is cut below
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += String(chunk);
  socket.terminate();
  return { status: response.statusCode, headers: response.headers, body };
}
