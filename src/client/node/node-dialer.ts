import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

import { type AgreedHandshake, type ClientHandshake, checkResponse, handshakeHeaders } from "../../handshake/client.ts";
import { InvalidArgumentError } from "../../errors/errors.ts";
import { HandshakeHeaders } from "../../handshake/rules/headers.ts";
import { ConnectError } from "../connect-error.ts";
import { ask, providerError } from "../dialing.ts";
import type { Dial } from "../handler.ts";
import type { DialRequest } from "../link.ts";
import type { ConnectTarget } from "../options.ts";
import { headerList } from "./headers.ts";
import { type SwitchedStream, exchange, headersOf, isSwitched, shown } from "./http-exchange.ts";
import type { NodeSettings } from "./node-options.ts";
import type { UpgradedStream } from "./node-link.ts";
import { basicAuthorization, hostOf, percentDecoded, portOf, proxyOfEnvironment } from "./proxy-environment.ts";
import { openTunnel, readProxy } from "./proxy-tunnel.ts";
import { connectError, ignore, openSocket, openTls } from "./sockets.ts";
import { VERSION } from "./version.ts";

/** A handshake that a server has accepted. */
export interface DialedServer extends UpgradedStream, AgreedHandshake {}

/** Where a URL of `ws+unix:` leads: the path of the socket, and that of the request. */
interface Destination {
  readonly socketPath: string | undefined;
  readonly target: string;
  readonly isSecure: boolean;
}

/** Connects to servers, for one client. It keeps the TLS session of the last connection. */
export class NodeDialer {
  readonly #settings: NodeSettings;
  #session: { readonly origin: string; readonly data: Buffer } | undefined;

  constructor(settings: NodeSettings) {
    this.#settings = settings;
  }

  /** Connects, and makes the opening handshake. Rejects with a `ConnectError`. */
  async dial(request: DialRequest): Promise<DialedServer> {
    const destination = destinationOf(request.url, this.#settings.socketPath);
    const more = await this.#askHeaders(request.dial);
    const stream = await this.#open(request, destination);
    const { compression, maxHeaderSize } = this.#settings;
    const offer: ClientHandshake = {
      key: randomBytes(16).toString("base64"),
      protocols: request.protocols,
      deflate: compression && { windowBits: compression.windowBits, contextTakeover: compression.pool > 0 },
    };
    const headers = this.#headers(request.url, more, destination, offer);
    const answer = await exchange(
      stream,
      { method: "GET", path: destination.target, headers, maxHeaderSize },
      request.dial.signal,
    );
    const { statusCode: status = 0, statusMessage = "" } = answer.response;
    if (!isSwitched(answer)) throw refusal(status, statusMessage, headersOf(answer.response), answer.body);
    if (status !== 101) {
      answer.stream.destroy();
      throw refusal(status, statusMessage, headersOf(answer.response), "");
    }
    return accepted(answer, offer);
  }

  async #open({ url, dial: { signal } }: DialRequest, { socketPath, isSecure }: Destination): Promise<Duplex> {
    const host = hostOf(url);
    const stream = await this.#connect(url, socketPath, signal);
    if (!isSecure) return stream;
    const session = this.#session?.origin === url.origin ? this.#session.data : undefined;
    const secure = await openTls(stream, { host, options: this.#settings.tls, session }, signal);
    this.#keepSession(secure, url.origin);
    return secure;
  }

  #keepSession(secure: TLSSocket, origin: string): void {
    secure.on("session", (data: Buffer) => (this.#session = { origin, data }));
  }

  async #connect(url: URL, socketPath: string | undefined, signal: AbortSignal): Promise<Duplex> {
    const { createConnection, maxHeaderSize } = this.#settings;
    if (socketPath !== undefined) return await openSocket({ path: socketPath }, signal);
    const target = { host: hostOf(url), port: portOf(url) };
    if (createConnection !== undefined) {
      const made = await madeBy(createConnection, { ...target, url, signal });
      // The dial may have been given up meanwhile.
      if (!signal.aborted) return made;
      made.on("error", ignore).destroy();
      throw connectError(signal.reason, "tcp");
    }
    const proxy = this.#proxyFor(url);
    return proxy === undefined
      ? await openSocket(target, signal)
      : await openTunnel(proxy, target, maxHeaderSize, signal);
  }

  #proxyFor(url: URL): URL | undefined {
    const { proxy } = this.#settings;
    try {
      const found =
        proxy === undefined ? proxyOfEnvironment(url, process.env) : typeof proxy === "function" ? proxy(url) : proxy;
      return found === undefined || found === null ? undefined : readProxy(found);
    } catch (cause) {
      throw providerError(cause);
    }
  }

  async #askHeaders(dial: Dial): Promise<readonly string[]> {
    const headers = await ask(this.#settings.headers, dial);
    try {
      return headerList(headers);
    } catch (cause) {
      throw providerError(cause);
    }
  }

  #headers(url: URL, headers: readonly string[], { socketPath }: Destination, offer: ClientHandshake): string[] {
    const has = (name: string): boolean => headers.some((one, at) => at % 2 === 0 && one.toLowerCase() === name);
    const own: string[] = [];
    // RFC 9110 7.2: it comes first.
    if (!has("host")) own.push("Host", socketPath === undefined || url.host !== "" ? url.host : "localhost");
    own.push(...handshakeHeaders(offer));
    if (!has("user-agent")) own.push("User-Agent", `hawser/${VERSION}`);
    if (this.#settings.origin !== undefined && !has("origin")) own.push("Origin", this.#settings.origin);
    const credentials = basicAuthorization(url);
    if (credentials !== undefined && !has("authorization")) own.push("Authorization", credentials);
    return [...own, ...headers];
  }
}

/** The application's connection. */
async function madeBy(
  createConnection: NonNullable<NodeSettings["createConnection"]>,
  target: ConnectTarget,
): Promise<Duplex> {
  let made: Duplex;
  try {
    made = await createConnection(target);
  } catch (cause) {
    throw connectError(cause, "tcp");
  }
  const { write, on, destroy } = Object(made) as Partial<Duplex>;
  if ([write, on, destroy].some((one) => typeof one !== "function"))
    throw connectError(new InvalidArgumentError("createConnection: expected a stream as its result"), "provider");
  // It may report later why it was destroyed.
  if (!made.destroyed) return made;
  made.on("error", ignore);
  throw connectError(made.errored ?? new Error("createConnection: the stream is destroyed"), "tcp");
}

function accepted(answer: SwitchedStream, offer: ClientHandshake): DialedServer {
  const { response, stream, head } = answer;
  const headers = new HandshakeHeaders(response.rawHeaders);
  const agreed = checkResponse({ httpVersion: response.httpVersion, headers }, offer);
  if (typeof agreed !== "string") return { stream, head, ...agreed };
  stream.destroy();
  throw new ConnectError("HWS_BAD_HANDSHAKE", shown(agreed), { stage: "handshake", headers: headersOf(response) });
}

function refusal(status: number, text: string, headers: Headers, body: string): ConnectError {
  // Without both headers Node takes it for an ordinary answer.
  if (status === 101)
    return new ConnectError("HWS_BAD_HANDSHAKE", "Upgrade or Connection is missing", { stage: "handshake", headers });
  const location = headers.get("location");
  const details = { stage: "http", status, headers, body } as const;
  if (status >= 300 && status < 400)
    return new ConnectError("HWS_REDIRECT", `${status} to ${shown(location ?? "nowhere")}`, details);
  return new ConnectError("HWS_REFUSED", `${status} ${shown(text)}`.trim(), details);
}

/** `ws+unix:/path/of/socket:/target`, as in the `ws` package. */
function destinationOf(url: URL, socketPath: string | undefined): Destination {
  const isSecure = url.protocol.startsWith("wss");
  if (!url.protocol.endsWith("+unix:")) return { socketPath, target: url.pathname + url.search, isSecure };
  const [, path = "", target = ""] = /^([^:]*):?([^]*)$/.exec(url.pathname) ?? [];
  return { socketPath: percentDecoded(path), target: (target === "" ? "/" : target) + url.search, isSecure };
}
