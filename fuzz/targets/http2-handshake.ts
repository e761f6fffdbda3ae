import { type WSConnectionEvent, refuse } from "../../src/hawser.ts";
import { type Mutator, type Target, holds } from "../engine/target.ts";
import { mutateRequest, simplerRequests } from "../grammar/mutate-request.ts";
import { fieldOf, parseRequest, writeRequest } from "../grammar/request.ts";
import { runIsolated } from "../harness/run.ts";
import { KNOWN_DIFFERENCES } from "./http2/known-differences.ts";
import { Http1Side, Http2Side, type SameRequest, type Setup, type Side } from "./http2/sides.ts";

/** Bytes of an input before the request: the setup. In the corpus it is a letter. */
const HEAD = 1;

const accept: Setup["answer"] = (event, handler) => {
  event.protocol = event.protocols.at(-1);
  return handler;
};

const FIRST: Setup = { options: {}, answer: accept };

const SETUPS: readonly Setup[] = [
  FIRST,
  { options: { path: "/chat" }, answer: accept },
  { options: { compression: true, origins: ["*"] }, answer: accept },
  { options: { origins: ["https://example.com", "https://*.example.com", "null", "same"] }, answer: accept },
  { options: { trustProxy: 1 }, answer: accept },
  { options: {}, answer: () => refuse(401, "Sign in first.", { "WWW-Authenticate": ["Basic", "Bearer"] }) },
  { options: {}, answer: () => null },
];

/** Headers that only HTTP/1.1 has, or in which both have the same (RFC 9113 8.2.2): both sides write their own, or none. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "sec-websocket-key",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** An extended CONNECT: it is answered as the same handshake over HTTP/1.1, and `onConnection` gets the same. */
export const http2Handshake: Target = {
  name: "http2-handshake",
  notation: "text",
  maxLength: 4096,
  batch: 8,
  mutators: [request, request, request, request, setup, onlyHttp2],
  *simpler(input) {
    for (const text of simplerRequests(input.toString("latin1", HEAD))) yield withRequest(input, text);
  },
  run: (input) =>
    runIsolated(async (clock) => {
      const made = SETUPS[(input[0] ?? 0) % SETUPS.length] ?? FIRST;
      const asked = requestOf(input.toString("latin1", HEAD));
      const over1 = await verdict(new Http1Side(made), asked);
      const over2 = await verdict(new Http2Side(made), asked);
      // RFC 9113 8.3: what has these is malformed. Node resets it, or takes it for an ordinary request.
      if (asked.more.length > 0) holds(over2.status !== 101, "a malformed request is accepted", { asked, over2 });
      else if (JSON.stringify(over1) !== JSON.stringify(over2)) {
        const known = KNOWN_DIFFERENCES.some((difference) => difference.explains(asked, over1, over2));
        holds(known, "HTTP/1.1 and HTTP/2 answer the same request differently", { asked, over1, over2 });
      }
      clock.advance(120_000);
      holds(clock.pending === 0, "a timer is left", clock.pending);
    }),
};

/** What both can ask for. A header that no version can send is left out. */
function requestOf(text: string): SameRequest {
  const { line, fields } = parseRequest(text);
  const all = fields.map(fieldOf);
  const target = line.split(" ")[1] ?? "/";
  return {
    target: /[\r\n]/.test(target) ? "/" : target,
    host: all.find(([name, value]) => name === "host" && !CONTROL.test(value))?.[1] ?? "127.0.0.1",
    more: fields.filter((one) => ONLY_HTTP2.includes(one)).map((one) => splitAt(one, one.indexOf(":", 1))),
    fields: all
      .filter(([name, value]) => NAME.test(name) && !LEFT_OUT.has(name) && !CONTROL.test(value))
      // Neither version keeps white space around a value, but HTTP/2 refuses it.
      .map(([name, value]) => [name, value.replace(/^[\t ]+|[\t ]+$/g, "")] as const),
  };
}

/** Lines that HTTP/1.1 does not have. */
const ONLY_HTTP2: readonly string[] = [
  ":method:GET",
  ":protocol:websocket",
  ":protocol:other",
  ":scheme:https",
  ":authority:example.com",
  ":path:/chat",
  ":path:",
  ":status:200",
  ":odd:x",
  "X-Upper:x",
  "connection:Upgrade",
  "upgrade:websocket",
  "transfer-encoding:chunked",
  "te:gzip",
];

function splitAt(line: string, at: number): readonly [string, string] {
  return [line.slice(0, at), line.slice(at + 1)];
}

function onlyHttp2(...[input, random]: Parameters<Mutator>): Buffer {
  const { line, fields } = parseRequest(input.toString("latin1", HEAD));
  const more = [...fields, random.pick(ONLY_HTTP2)];
  return withRequest(input, writeRequest({ line, fields: more, rest: "" }));
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

/** How a request was answered. */
export interface Verdict {
  readonly status: number | undefined;
  /** What `onConnection` got. */
  readonly seen: readonly unknown[];
  /** The subprotocol and the extensions of the connection. */
  readonly agreed: readonly unknown[];
}

async function verdict(side: Side, asked: SameRequest): Promise<Verdict> {
  await side.ask(asked);
  const { status, isOpen, events, wss } = side;
  const [ws] = [...wss.connections] as unknown as readonly { protocol?: string; extensions: string }[];
  const result = {
    status: isOpen ? 101 : status,
    seen: events.map(seenOf),
    agreed: [ws?.protocol, ws?.extensions],
  };
  holds(isOpen === (ws !== undefined), "a connection and its answer differ", result);
  holds(await side.close(), "a server does not end");
  return result;
}

function seenOf({ request: { url, query, headers, remoteAddress }, protocols }: WSConnectionEvent): unknown {
  const known = Object.entries(headers).filter(([name]) => name === "host" || !LEFT_OUT.has(name));
  return { url, query, headers: known.sort(([a], [b]) => (a < b ? -1 : 1)), remoteAddress, protocols };
}

function withRequest(input: Buffer, text: string): Buffer {
  return Buffer.concat([input.subarray(0, HEAD), Buffer.from(text, "latin1")]);
}

function request(...[input, random, other]: Parameters<Mutator>): Buffer {
  return withRequest(input, mutateRequest(input.toString("latin1", HEAD), random, other.toString("latin1", HEAD)));
}

function setup(...[input, random]: Parameters<Mutator>): Buffer {
  const copy = Buffer.from(input);
  if (copy.length > 0) copy.writeUInt8(0x40 + random.below(SETUPS.length), 0);
  return copy;
}
