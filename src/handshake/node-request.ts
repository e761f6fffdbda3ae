import type { IncomingMessage } from "node:http";

import type { AddressRule } from "./forwarded-address.ts";
import type { RawRequest, ReceivedRequest, RequestDetails, Values } from "./request.ts";
import { type Cookies, readCookies } from "./cookies.ts";
import { type RequestHeaders, readRequestHeaders } from "./request-headers.ts";
import { ownText } from "../util/own-text.ts";
import { hasLostPeer, peerAddressOf } from "./peer-address.ts";
import { parseTarget } from "./rules/target.ts";

/** The path of a request; undefined when its target is not valid. */
export function pathOf(message: RawRequest): string | undefined {
  return parseTarget(message.url ?? "")?.path;
}

/** The parameters of a path without named segments. */
export const NO_PARAMS = Object.freeze(Object.create(null)) as Readonly<Record<string, string>>;

/** 4D's request object, made from a request as it came. A property that the handler does not read is never computed. */
export class NodeRequest implements ReceivedRequest {
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly context: unknown;
  readonly #message: RawRequest;
  readonly #addressRule: AddressRule | undefined;
  /** The address of the socket's peer, which is a proxy or the client. */
  #peer: string | undefined;
  #remoteAddress: string | undefined;
  #headers: RequestHeaders | undefined;
  #cookies: Cookies | undefined;
  #query: Values | undefined;

  /**
   * @param addressRule which proxies are trusted; undefined: none
   * @param details what is known besides the message
   */
  constructor(message: RawRequest, addressRule?: AddressRule, details?: RequestDetails) {
    this.#message = message;
    this.params = details?.params ?? NO_PARAMS;
    this.context = details?.context;
    this.#addressRule = addressRule;
    this.url = message.url ?? "/";
  }

  get remoteAddress(): string {
    this.#remoteAddress ??= this.#findAddress();
    return this.#remoteAddress;
  }

  /** Reads the address of the peer, once: it is a system call. The server does so when it gives the client a place. */
  readAddress(): string {
    this.#peer ??= peerAddressOf(this.#message.socket);
    return this.#peer;
  }

  get isGone(): boolean {
    return hasLostPeer(this.#message.socket);
  }

  get isFromTrustedProxy(): boolean {
    return this.#addressRule?.isTrusted(this.readAddress()) === true;
  }

  get raw(): IncomingMessage {
    return this.#message.nodeRequest ?? (this.#message as unknown as IncomingMessage);
  }

  get httpVersion(): string {
    return this.#message.httpVersion;
  }

  get path(): string {
    return parseTarget(this.url)?.path ?? "/";
  }

  get headers(): RequestHeaders {
    this.#headers ??= readRequestHeaders(this.#message.rawHeaders);
    return this.#headers;
  }

  get cookies(): Cookies {
    this.#cookies ??= readCookies(this.headers.cookie);
    return this.#cookies;
  }

  get query(): Values {
    this.#query ??= readQuery(parseTarget(this.url)?.search ?? "");
    return this.#query;
  }

  #findAddress(): string {
    const direct = this.readAddress();
    if (this.#addressRule === undefined) return direct;
    const forwarded = this.headers["x-forwarded-for"];
    return ownText(
      this.#addressRule.findClient(direct, typeof forwarded === "object" ? forwarded.join(",") : forwarded),
    );
  }
}

function readQuery(search: string): Values {
  const query = emptyValues();
  for (const [name, value] of new URLSearchParams(search)) addValue(query, name, value);
  return query;
}

type MutableValues = Record<string, string | string[] | undefined>;

/** The object has no prototype: a parameter named `constructor` is like any other (GHSA-5v72-xg48-5rpm). */
function emptyValues(): MutableValues {
  return Object.create(null) as MutableValues;
}

function addValue(values: MutableValues, name: string, value: string): void {
  const known = values[name];
  if (known === undefined) values[name] = value;
  else if (Array.isArray(known)) known.push(value);
  else values[name] = [known, value];
}
