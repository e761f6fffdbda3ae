import type { IncomingMessage } from "node:http";
import { Http2ServerRequest, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";

import { attempt } from "../util/attempt.ts";
import type { Addressed } from "./peer-address.ts";
import type { RawRequest } from "./request.ts";

/** The names that are no headers begin with this (RFC 9113 8.3). */
const PSEUDO = ":";

/** A request over HTTP/2. Rules for HTTP/1.1 read it too: its `:authority` is the header `host`. */
export class Http2Request implements RawRequest {
  readonly httpVersion = "2.0";
  readonly rawHeaders: readonly string[];
  readonly socket: Addressed;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #received: readonly string[];
  #nodeRequest: IncomingMessage | undefined;

  /**
   * @param headers as Node's event `stream` has them
   * @param received the same as names and values in turn
   */
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, received: readonly string[]) {
    this.#stream = stream;
    this.#headers = headers;
    this.#received = received;
    this.rawHeaders = headersOf(received, headers[":authority"]);
    this.socket = new StreamAddress(stream);
  }

  get method(): string | undefined {
    return this.#headers[":method"];
  }

  get url(): string | undefined {
    return this.#headers[":path"];
  }

  /** The protocol that an extended CONNECT asks for (RFC 8441 4). */
  get protocol(): string | undefined {
    const protocol = this.#headers[":protocol"];
    return typeof protocol === "string" ? protocol : undefined;
  }

  /** Node's request. It listens to the stream, so it is made only for an application that asks for it. */
  get nodeRequest(): IncomingMessage {
    this.#nodeRequest ??= new Http2ServerRequest(
      this.#stream,
      this.#headers,
      {},
      this.#received,
    ) as unknown as IncomingMessage;
    return this.#nodeRequest;
  }
}

/** The addresses of a stream's session. Node throws when a session that has gone is asked. */
class StreamAddress implements Addressed {
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  get remoteAddress(): string | undefined {
    return attempt(() => this.#stream.session?.socket.remoteAddress);
  }

  get localAddress(): string | undefined {
    return attempt(() => this.#stream.session?.socket.localAddress);
  }

  get destroyed(): boolean {
    return this.#stream.destroyed;
  }
}

/** The headers without pseudo-headers. RFC 9113 8.3.1: a recipient uses `:authority`, not `host`, if both are there. */
function headersOf(received: readonly string[], authority: string | undefined): string[] {
  const headers = authority === undefined ? [] : ["host", authority];
  for (let i = 0; i + 1 < received.length; i += 2) {
    const [name = "", value = ""] = [received[i], received[i + 1]];
    if (!name.startsWith(PSEUDO) && (name !== "host" || authority === undefined)) headers.push(name, value);
  }
  return headers;
}
