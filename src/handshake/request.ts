import type { IncomingMessage } from "node:http";

import type { AddressRule } from "./forwarded-address.ts";

/** Names to values; a name that came several times has all of them, in order. It has no prototype. */
export type Values = Readonly<Record<string, string | readonly string[] | undefined>>;

/** 4D's `event.request` of `onConnection`: what the client asked for. */
export interface ConnectionRequest {
  /** The headers, names in lower case. */
  readonly headers: Values;
  /** The decoded parameters of the URL. */
  readonly query: Values;
  /** The raw target, e.g. `/status?name=ryan`. */
  readonly url: string;
  /** The address of the one who connected: behind a proxy the proxy's, unless `trustProxy` says that it is believed. */
  readonly remoteAddress: string;
}

/** A request target as the handshake needs it. */
export interface Target {
  /** What stands before the `?`; of an absolute target, its path. */
  readonly path: string;
  /** What stands behind the `?`. */
  readonly search: string;
}

/** Takes a request target apart: `/path?query`, or an absolute URL (RFC 6455 4.2.1). Undefined when it is neither. */
export function parseTarget(target: string): Target | undefined {
  let rest = target;
  if (!rest.startsWith("/")) {
    const scheme = /^(?:https?|wss?):\/\/[^/?#]+/i.exec(rest);
    if (scheme === null) return undefined;
    rest = rest.slice(scheme[0].length);
    if (!rest.startsWith("/")) rest = `/${rest}`;
  }
  // RFC 6455 3: a fragment must not be there.
  if (rest.includes("#")) return undefined;
  const at = rest.indexOf("?");
  return at < 0 ? { path: rest, search: "" } : { path: rest.slice(0, at), search: rest.slice(at + 1) };
}

/** The path that a request asks for; undefined when its target is none. */
export function pathOf(message: IncomingMessage): string | undefined {
  return parseTarget(message.url ?? "")?.path;
}

/** 4D's request object of a Node request. What the handler does not look at is never built. */
export class NodeRequest implements ConnectionRequest {
  readonly url: string;
  readonly #message: IncomingMessage;
  readonly #rule: AddressRule | undefined;
  #remoteAddress: string | undefined;
  #headers: Values | undefined;
  #query: Values | undefined;

  /** @param rule who is believed about the client's address; undefined: nobody */
  constructor(message: IncomingMessage, rule?: AddressRule) {
    this.#message = message;
    this.#rule = rule;
    this.url = message.url ?? "/";
  }

  /** Asked for when it is wanted: it is a system call, a twentieth of a handshake. */
  get remoteAddress(): string {
    this.captureAddress();
    return this.#remoteAddress ?? "";
  }

  /** Asks for the address now: a socket that is closed does not know it any more. */
  captureAddress(): void {
    this.#remoteAddress ??= this.#findAddress();
  }

  #findAddress(): string {
    const direct = this.#message.socket.remoteAddress ?? "";
    if (this.#rule === undefined) return direct;
    const forwarded = this.#message.headers["x-forwarded-for"];
    return this.#rule(direct, typeof forwarded === "string" ? forwarded : forwarded?.join(","));
  }

  get headers(): Values {
    this.#headers ??= readHeaders(this.#message.rawHeaders);
    return this.#headers;
  }

  get query(): Values {
    this.#query ??= readQuery(parseTarget(this.url)?.search ?? "");
    return this.#query;
  }
}

function readHeaders(raw: readonly string[]): Values {
  const headers = emptyValues();
  for (let i = 0; i < raw.length; i += 2) addValue(headers, (raw[i] ?? "").toLowerCase(), raw[i + 1] ?? "");
  return headers;
}

function readQuery(search: string): Values {
  const query = emptyValues();
  for (const [name, value] of new URLSearchParams(search)) addValue(query, name, value);
  return query;
}

type Building = Record<string, string | string[] | undefined>;

/** No prototype: a header or parameter called `constructor` is one like any other (GHSA-5v72-xg48-5rpm). */
function emptyValues(): Building {
  return Object.create(null) as Building;
}

function addValue(values: Building, name: string, value: string): void {
  const known = values[name];
  if (known === undefined) values[name] = value;
  else if (Array.isArray(known)) known.push(value);
  else values[name] = [known, value];
}
