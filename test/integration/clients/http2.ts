import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { type ClientOptions, WebSocket } from "ws";
import { certificate } from "../../support/certificate.ts";
import { type Client, Refused } from "./client.ts";
import { WsPeer } from "./ws.ts";

/** What `ws` needs to be a client on a stream that somebody else has opened. */
interface OnStream {
  _isServer: boolean;
  _protocol: string;
  setSocket(stream: object, head: Buffer, options: object): void;
}

/** Node's client of HTTP/2, with the frames of the `ws` package. All connections to a server share one session. */
export class Http2Client implements Client {
  readonly #sessions = new Map<string, Promise<ClientHttp2Session>>();

  async open(url: string, protocols: readonly string[] = []): Promise<WsPeer> {
    const { stream, headers } = await this.request(url, {
      ...(protocols.length > 0 && { "sec-websocket-protocol": protocols.join(", ") }),
    });
    if (headers[":status"] !== 200) {
      stream.destroy();
      throw new Refused(headers[":status"]);
    }
    const socket = new WebSocket(null as never, undefined, { autoPong: true, closeTimeout: 30_000 } as ClientOptions);
    const inside = socket as unknown as OnStream;
    inside._isServer = false;
    inside._protocol = headers["sec-websocket-protocol"]?.toString() ?? "";
    const peer = new WsPeer(socket);
    inside.setSocket(stream, Buffer.alloc(0), {
      allowSynchronousEvents: true,
      maxPayload: 0,
      skipUTF8Validation: false,
    });
    return peer;
  }

  /** Sends an extended CONNECT, and returns the answer. */
  async request(
    url: string,
    headers: Record<string, string> = {},
  ): Promise<{
    stream: ClientHttp2Stream;
    headers: Record<string, string | string[] | undefined> & { ":status"?: number };
  }> {
    const { host, protocol, pathname, search } = new URL(url);
    const scheme = protocol === "wss:" ? "https" : "http";
    const session = await this.#session(`${scheme}://${host}`);
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": scheme,
      ":path": pathname + search,
      ":authority": host,
      "sec-websocket-version": "13",
      ...headers,
    });
    stream.on("error", () => {}); // the close follows
    const [answer] = (await once(stream, "response")) as [Record<string, string> & { ":status"?: number }];
    return { stream, headers: answer };
  }

  async end(): Promise<void> {
    for (const session of await Promise.all(this.#sessions.values())) session.destroy();
  }

  #session(origin: string): Promise<ClientHttp2Session> {
    const known = this.#sessions.get(origin);
    if (known !== undefined) return known;
    const session = connect(origin, { ca: certificate.cert });
    session.on("error", () => {}); // its streams close
    session.on("close", () => this.#sessions.delete(origin));
    const ready = once(session, "remoteSettings").then(() => session);
    this.#sessions.set(origin, ready);
    return ready;
  }
}
