import { randomBytes } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { ClientHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

import {
  type AgreedHandshake,
  type ClientHandshake,
  checkChoices,
  checkResponse,
  handshakeHeaders,
  offerHeaders,
} from "../../handshake/client.ts";
import { InvalidArgumentError } from "../../errors/errors.ts";
import { EMPTY } from "../../protocol/bytes.ts";
import { HandshakeHeaders } from "../../handshake/rules/headers.ts";
import { isThenable } from "../../util/thenable.ts";
import { ConnectError, prefixed } from "../connect-error.ts";
import { ask, providerError } from "../dialing.ts";
import type { Dial } from "../handler.ts";
import type { DialRequest } from "../link.ts";
import type { ConnectTarget } from "../options.ts";
import { shownUrl } from "../url.ts";
import { type Destination, destinationOf } from "./destination.ts";
import { headerList } from "./headers.ts";
import { type SwitchedStream, exchange, headersOf, isSwitched, readBody, shown } from "./http-exchange.ts";
import { type Http2Answer, beginSession, endSession, exchangeHttp2 } from "./http2-exchange.ts";
import { hasChosenHttp2, sessionFrom } from "./http2-session.ts";
import type { NodeSettings } from "./node-options.ts";
import type { UpgradedStream } from "./node-link.ts";
import { basicAuthorization, hostOf, portOf, proxyOfEnvironment } from "./proxy-environment.ts";
import { openTunnel, readProxy } from "./proxy-tunnel.ts";
import { Relay } from "./relay.ts";
import { connectError, openSocket, openTls } from "./sockets.ts";
import { destroyOnFailure, discard, guard, ignore, ignoreErrors, isStream } from "./streams.ts";
import { VERSION } from "./version.ts";

/** A handshake that a server has accepted. */
export interface DialedServer extends UpgradedStream, AgreedHandshake {
  /** The version of HTTP. */
  readonly httpVersion: "1.1" | "2.0";
}

/** Connects to servers, for one client. It keeps the TLS session of the last connection. */
export class NodeDialer {
  readonly #settings: NodeSettings;
  #session: { readonly server: string; readonly data: Buffer } | undefined;

  constructor(settings: NodeSettings) {
    this.#settings = settings;
  }

  /** Connects, and makes the opening handshake. Rejects with a `ConnectError` that names the URL. */
  async dial(request: DialRequest): Promise<DialedServer> {
    try {
      return await this.#dial(request);
    } catch (cause) {
      // The reason of a dial that was given up stays as it is.
      if (request.dial.signal.aborted) throw cause;
      throw prefixed(shownUrl(request.url), connectError(cause, "tcp"));
    }
  }

  async #dial(request: DialRequest): Promise<DialedServer> {
    request.onStage("provider");
    const destination = this.#destinationOf(request.url);
    const more = await this.#askHeaders(request.dial);
    const { http2 } = this.#settings;
    if (typeof http2 === "function") return await this.#dialOnSession(http2, request, destination, more);
    if (!http2) return await this.#dialHttp1(request, destination, more);
    const dialed = await this.#dialWithHttp2(request, destination, more);
    if (dialed !== undefined) return dialed;
    try {
      return await this.#dialHttp1(request, destination, more);
    } catch (cause) {
      if (request.dial.signal.aborted) throw cause;
      throw prefixed("over HTTP/1.1, since the server has no WebSockets over HTTP/2", connectError(cause, "tcp"));
    }
  }

  async #dialOnSession(
    provide: Exclude<NodeSettings["http2"], boolean>,
    request: DialRequest,
    destination: Destination,
    more: readonly string[],
  ): Promise<DialedServer> {
    request.onStage("tcp");
    const session = await sessionFrom(provide, targetOf(request));
    const dialed = await this.#shakeHandsHttp2(session, request, destination, more);
    if (dialed !== undefined) return dialed;
    const reason = "the server has no WebSockets over HTTP/2. With http2: true the dial would go on with HTTP/1.1";
    throw new ConnectError("HWS_BAD_HANDSHAKE", reason, { stage: "handshake" });
  }

  async #dialHttp1(request: DialRequest, destination: Destination, more: readonly string[]): Promise<DialedServer> {
    const stream = await this.#open(request, destination, false);
    return destroyOnFailure(stream, () => this.#shakeHands(stream, request, destination, more));
  }

  /**
   * Lets the server choose HTTP/2 or HTTP/1.1 in the TLS handshake. Returns undefined if it has chosen HTTP/2, and has no WebSockets
   * there: then another connection is needed, which offers HTTP/1.1 alone, as in browsers. The next dial asks it again.
   */
  async #dialWithHttp2(
    request: DialRequest,
    destination: Destination,
    more: readonly string[],
  ): Promise<DialedServer | undefined> {
    const stream = await this.#open(request, destination, true);
    return destroyOnFailure(stream, async () => {
      if (!hasChosenHttp2(stream)) return await this.#shakeHands(stream, request, destination, more);
      const session = beginSession(stream, request.url.host, this.#settings.maxHeaderSize);
      const dialed = await this.#shakeHandsHttp2(session, request, destination, more);
      if (dialed === undefined) endSession(session, stream);
      else
        dialed.stream.once("close", () => {
          endSession(session, stream);
        });
      return dialed;
    });
  }

  async #shakeHands(
    stream: Duplex,
    request: DialRequest,
    destination: Destination,
    more: readonly string[],
  ): Promise<DialedServer> {
    request.onStage("handshake");
    const { maxHeaderSize } = this.#settings;
    const offer = this.#offerOf(request);
    const headers = this.#headers(request.url, more, destination, handshakeHeaders(offer));
    const isForeign = this.#settings.createConnection !== undefined && !destination.isSecure;
    const answer = await exchange(
      isForeign ? new Relay(stream) : stream,
      { method: "GET", path: destination.target, headers, maxHeaderSize },
      request.dial.signal,
    );
    const { statusCode: status = 0, statusMessage = "" } = answer.response;
    if (!isSwitched(answer)) throw refusal(status, statusMessage, headersOf(answer.response), answer.body);
    if (status !== 101) throw refusal(status, statusMessage, headersOf(answer.response), "");
    return accepted(answer, offer);
  }

  async #shakeHandsHttp2(
    session: ClientHttp2Session,
    request: DialRequest,
    destination: Destination,
    more: readonly string[],
  ): Promise<DialedServer | undefined> {
    request.onStage("handshake");
    const offer = this.#offerOf(request);
    const headers = this.#headers(request.url, more, destination, offerHeaders(offer));
    const scheme = destination.isSecure ? "https" : "http";
    const { maxHeaderSize } = this.#settings;
    const exchanged = { scheme, path: destination.target, headers, maxHeaderSize } as const;
    const answer = await exchangeHttp2(session, exchanged, request.dial.signal);
    if (answer === undefined) return undefined;
    return await destroyOnFailure(answer.stream, () => acceptedOverHttp2(answer, offer));
  }

  #offerOf({ protocols }: DialRequest): ClientHandshake {
    const { compression } = this.#settings;
    return {
      key: randomBytes(16).toString("base64"),
      protocols,
      deflate: compression && { windowBits: compression.windowBits, contextTakeover: compression.pool > 0 },
    };
  }

  #destinationOf(url: URL): Destination {
    try {
      return destinationOf(url, this.#settings);
    } catch (cause) {
      throw providerError(cause);
    }
  }

  async #open(request: DialRequest, { socketPath, isSecure }: Destination, http2: boolean): Promise<Duplex> {
    const { url, dial, onStage } = request;
    const host = hostOf(url);
    const stream = await this.#connect(request, socketPath);
    if (!isSecure) return stream;
    onStage("tls");
    // A URL of `wss+unix:` has no host, and an option may lead each host to the same socket.
    const server = `${url.host} ${socketPath ?? ""}`;
    const session = this.#session?.server === server ? this.#session.data : undefined;
    const secure = await openTls(stream, { host, options: this.#settings.tls, session, http2 }, dial.signal);
    this.#keepSession(secure, server);
    return secure;
  }

  #keepSession(secure: TLSSocket, server: string): void {
    secure.on("session", (data: Buffer) => (this.#session = { server, data }));
  }

  async #connect(request: DialRequest, socketPath: string | undefined): Promise<Duplex> {
    const { createConnection, maxHeaderSize } = this.#settings;
    const { url, dial, onStage } = request;
    const { signal } = dial;
    onStage("tcp");
    if (socketPath !== undefined) return await openSocket({ path: socketPath }, signal);
    const target = { host: hostOf(url), port: portOf(url) };
    if (createConnection !== undefined) {
      const made = await madeBy(createConnection, targetOf(request));
      // The dial may have been given up meanwhile.
      if (!signal.aborted) return made;
      discard(made);
      throw connectError(signal.reason, "tcp");
    }
    const proxy = this.#proxyFor(url);
    if (proxy === undefined) return await openSocket(target, signal, onStage);
    onStage("proxy");
    return await openTunnel(proxy, target, maxHeaderSize, signal);
  }

  #proxyFor(url: URL): URL | undefined {
    const { proxy } = this.#settings;
    try {
      const given = typeof proxy === "function" ? askedProxy(proxy, url) : proxy;
      const found = proxy === undefined ? proxyOfEnvironment(url, process.env) : given;
      return found === undefined || found === null ? undefined : readProxy(found);
    } catch (cause) {
      throw cause instanceof InvalidArgumentError ? providerError(cause) : providerError(cause, "proxy");
    }
  }

  async #askHeaders(dial: Dial): Promise<readonly string[]> {
    const headers = await ask(this.#settings.headers, dial, "headers");
    try {
      return headerList(headers);
    } catch (cause) {
      throw providerError(cause);
    }
  }

  #headers(url: URL, headers: readonly string[], { socketPath }: Destination, offer: readonly string[]): string[] {
    const has = (name: string): boolean => headers.some((one, at) => at % 2 === 0 && one.toLowerCase() === name);
    const own: string[] = [];
    // RFC 9110 7.2: it comes first.
    if (!has("host")) own.push("Host", socketPath === undefined || url.host !== "" ? url.host : "localhost");
    own.push(...offer);
    if (!has("user-agent")) own.push("User-Agent", `hawser/${VERSION}`);
    if (this.#settings.origin !== undefined && !has("origin")) own.push("Origin", this.#settings.origin);
    const credentials = basicAuthorization(url);
    if (credentials !== undefined && !has("authorization")) own.push("Authorization", credentials);
    return [...own, ...headers];
  }
}

/** What a function of the application is told about the connection that it makes. */
function targetOf({ url, dial }: DialRequest): ConnectTarget {
  return { host: hostOf(url), port: portOf(url), url, signal: dial.signal };
}

/** The application's answer. A promise is none; if it is rejected, that must not end the process. */
function askedProxy(proxy: (url: URL) => string | URL | null | undefined, url: URL): string | URL | null | undefined {
  const answer: unknown = proxy(url);
  if (isThenable(answer)) answer.then(ignore, ignore);
  return answer as string | URL | null | undefined;
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
    throw cause instanceof ConnectError ? cause : prefixed("createConnection", connectError(cause, "tcp"));
  }
  if (!isStream(made))
    throw connectError(new InvalidArgumentError("createConnection: expected a stream as its result"), "provider");
  return destroyOnFailure(made, () => {
    // It may report later why it was destroyed.
    ignoreErrors(made);
    guard(made);
    if (!made.destroyed) return made;
    throw connectError(made.errored ?? new Error("createConnection: the stream is destroyed"), "tcp");
  });
}

function accepted(answer: SwitchedStream, offer: ClientHandshake): DialedServer {
  const { response, stream, head } = answer;
  const headers = new HandshakeHeaders(response.rawHeaders);
  const agreed = checkResponse({ httpVersion: response.httpVersion, headers }, offer);
  if (typeof agreed !== "string") return { stream, head, httpVersion: "1.1", ...agreed };
  throw new ConnectError("HWS_BAD_HANDSHAKE", shown(agreed), { stage: "handshake", headers: headersOf(response) });
}

async function acceptedOverHttp2(
  { stream, status, rawHeaders }: Http2Answer,
  offer: ClientHandshake,
): Promise<DialedServer> {
  const headers = headersOf({ rawHeaders });
  if (status < 200 || status > 299) throw refusal(status, STATUS_CODES[status] ?? "", headers, await readBody(stream));
  const agreed = checkChoices(new HandshakeHeaders(rawHeaders), offer);
  if (typeof agreed !== "string") return { stream, head: EMPTY, httpVersion: "2.0", ...agreed };
  throw new ConnectError("HWS_BAD_HANDSHAKE", shown(agreed), { stage: "handshake", headers });
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
