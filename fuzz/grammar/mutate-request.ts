import { mutate } from "../engine/mutate.ts";
import type { Random } from "../engine/random.ts";
import { type RequestText, fieldOf, parseRequest, writeRequest } from "./request.ts";

/** Values for the headers that the handshake reads: valid ones, and ones that are almost valid. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  Host: [
    "127.0.0.1",
    "example.com:8080",
    "",
    "a b",
    "[::1]:80",
    "example.com:",
    "user@example.com",
    "EXAMPLE.com",
    "example.com/x",
  ],
  Upgrade: [
    "websocket",
    "WebSocket",
    "h2c, websocket",
    "websocket, websocket",
    " ,websocket,",
    "websockets",
    "",
    "websocket/13",
  ],
  Connection: ["Upgrade", "keep-alive, Upgrade", "upgrade,,", "close", "Upgrade, close", "upgraded", "", "\tupgrade\t"],
  "Sec-WebSocket-Key": [
    "dGhlIHNhbXBsZSBub25jZQ==",
    "AAAAAAAAAAAAAAAAAAAAAA==",
    "",
    "short",
    "dGhlIHNhbXBsZSBub25jZQ=",
    "dGhlIHNhbXBsZSBub25jZ-==",
    "dGhlIHNhbXBsZSBub25jZ==",
  ],
  "Sec-WebSocket-Version": ["13", "8", "12", "14", "013", "13, 8", "", "13.0"],
  "Sec-WebSocket-Protocol": [
    "chat",
    "chat, superchat",
    "chat,chat",
    "",
    ",",
    "constructor",
    "__proto__",
    "a b",
    "chat;v=1",
    '"chat"',
    ",a,,b,",
  ],
  "Sec-WebSocket-Extensions": [
    ...[
      "permessage-deflate",
      "permessage-deflate; client_max_window_bits",
      'a; b="c"',
      'a; b="c d"',
      'a; b="c\\"',
      "a;;b",
      "",
    ],
    ...[
      "constructor",
      "__proto__; toString",
      'a;b="',
      ",",
      "a, b; c=1, d",
      ";",
      "a=b",
      'a; b=""',
      "permessage-deflate; server_max_window_bits=99",
    ],
  ],
  Origin: [
    ...[
      "http://127.0.0.1",
      "https://example.com",
      "null",
      "https://a.example.com",
      "http://127.0.0.1:80",
      "https://evil.com#.example.com",
    ],
    ...[
      "",
      "file://",
      "http://[::1]",
      "https://example.com@evil.com",
      "https://example.com:443",
      "chrome-extension://abc",
      "//example.com",
    ],
    ...[
      "https://example.com.",
      "https://xn--mgbh0fb",
      "http://127.1",
      "http://0x7f.1",
      "https://a.example.com:8443",
      "https://*.example.com",
    ],
  ],
  "Content-Length": ["0", "5", "-1", "00", "0, 0", "18446744073709551616", "+0"],
  "Transfer-Encoding": ["chunked", "identity", "gzip, chunked", ""],
  Expect: ["100-continue", "something"],
  "X-Forwarded-For": ["10.0.0.1", "10.0.0.1, 192.168.0.1", "::1", "unknown", "1.2.3.4:80", "", ",,,"],
  Cookie: ["a=b", "a=b; c=d"],
};

const NAMES: readonly string[] = Object.keys(VALUES);

const TARGETS: readonly string[] = [
  ...[
    "/",
    "/chat",
    "/chat?name=ryan&name=x",
    "/?%",
    "/?a=%zz&b=%e2%82%ac",
    "*",
    "",
    "chat",
    "/#x",
    "//",
    "/chat/",
    "/CHAT",
    "/%63hat",
  ],
  ...[
    "http://127.0.0.1/chat",
    "ws://host",
    "wss://host?x",
    "http://",
    "https:///",
    "127.0.0.1:80",
    "/?__proto__=1&constructor=2",
    "/\\",
    "/?#",
  ],
];

const LINES: readonly string[] = [
  ...[
    "GET / HTTP/1.1",
    "POST / HTTP/1.1",
    "HEAD / HTTP/1.1",
    "OPTIONS * HTTP/1.1",
    "CONNECT 127.0.0.1:80 HTTP/1.1",
    "get / HTTP/1.1",
  ],
  ...[
    "GET / HTTP/1.0",
    "GET / HTTP/2.0",
    "GET / HTTP/0.9",
    "PRI * HTTP/2.0",
    "GET /",
    "GET  /  HTTP/1.1",
    "GET\t/\tHTTP/1.1",
    " GET / HTTP/1.1",
  ],
];

/** Bytes after the request: a text frame, a close frame, bytes that are not frames, another request. */
const RESTS: readonly (string | undefined)[] = [
  ...[
    "",
    undefined,
    "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
    "\x88\x80\0\0\0\0",
    "\x88\x82\0\0\0\0\x03\xe8",
    "\xff\xff\xff\xff",
  ],
  ...[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "0\r\n\r\n",
    "hello",
    "\r\n",
    "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
  ],
];

/** White space that RFC 9110 allows, and other white space. */
const SPACES: readonly string[] = [" ", "\t", "", "  ", " \t ", "\r\n ", "\n", "\xa0", "\v"];

/** A change of a request. The fields may be changed in place: they are a copy. */
type Mutation = (
  request: { line: string; fields: string[]; rest: string | undefined },
  random: Random,
  other: RequestText,
) => void;

/** Mutates the lines of an HTTP request. `other` is a second request. */
export function mutateRequest(text: string, random: Random, other: string): string {
  const { line, fields, rest } = parseRequest(text);
  const request = { line, fields: [...fields], rest };
  random.pick(MUTATIONS)(request, random, parseRequest(other));
  return writeRequest(request);
}

/** Simpler requests: without one of the headers, or without the bytes after the head. */
export function* simplerRequests(text: string): Generator<string> {
  const { line, fields, rest } = parseRequest(text);
  if (rest !== undefined && rest !== "") yield writeRequest({ line, fields, rest: "" });
  for (const i of fields.keys()) yield writeRequest({ line, fields: fields.filter((_, k) => k !== i), rest });
}

const MUTATIONS: readonly Mutation[] = [
  (request, random) => {
    request.fields.splice(random.below(request.fields.length + 1), 0, anyField(random));
  },
  changeValue,
  changeValue,
  changeValue,
  mutateValue,
  mutateValue,
  (request, random) => {
    request.fields.splice(random.below(request.fields.length), 1);
  },
  (request, random) => {
    if (request.fields.length > 0)
      request.fields.splice(random.below(request.fields.length + 1), 0, random.pick(request.fields));
  },
  (request, random) => {
    request.fields.push(...request.fields.splice(random.below(request.fields.length), 1));
  },
  joinLists,
  changeSpaces,
  changeCase,
  lengthen,
  (request, random) => {
    request.line = random.pick(LINES);
  },
  changeTarget,
  changeTarget,
  (request, random) => {
    request.rest = random.pick(RESTS);
  },
  (request, random, other) => {
    request.fields.push(...other.fields.slice(random.below(other.fields.length)).slice(0, 3));
  },
  (request, random) => {
    const count = random.pick([10, 100, 400]);
    request.fields.push(...Array.from({ length: count }, (_, i) => `x${String(i)}:`));
  },
];

function anyField(random: Random): string {
  const name = random.pick(NAMES);
  return `${name}: ${random.pick(VALUES[name] ?? [""])}`;
}

/** Changes a random header line, if there is one. */
function changeField(fields: string[], random: Random, change: (line: string) => string): void {
  const at = random.below(fields.length);
  const line = fields[at];
  if (line !== undefined) fields[at] = change(line);
}

function changeValue({ fields }: { fields: string[] }, random: Random): void {
  changeField(fields, random, (line) => {
    const [name] = fieldOf(line);
    const known = NAMES.find((one) => one.toLowerCase() === name);
    return known === undefined ? anyField(random) : `${known}: ${random.pick(VALUES[known] ?? [""])}`;
  });
}

function mutateValue({ fields }: { fields: string[] }, random: Random): void {
  changeField(fields, random, (line) => {
    const colon = line.indexOf(":") + 1;
    const value = Buffer.from(line.slice(colon), "latin1");
    return line.slice(0, colon) + mutate(value, value, random, [], 2000).toString("latin1");
  });
}

/** Appends a second value to a header, or the same one again. */
function joinLists({ fields }: { fields: string[] }, random: Random): void {
  changeField(fields, random, (line) => {
    const [name, value] = fieldOf(line);
    const known = NAMES.find((one) => one.toLowerCase() === name) ?? "Cookie";
    const more = random.pick([value, ...(VALUES[known] ?? [])]);
    return line + random.pick([",", ", ", ";", "; ", "=", " "]) + more;
  });
}

function changeSpaces({ fields }: { fields: string[] }, random: Random): void {
  changeField(fields, random, (line) => {
    const places = [...line.matchAll(/[:,;=\s]/g)].map(({ index }) => index + random.below(2));
    const at = random.pick([0, line.length, ...places]);
    return line.slice(0, at) + random.pick(SPACES) + line.slice(at);
  });
}

function changeCase({ fields }: { fields: string[] }, random: Random): void {
  changeField(fields, random, (line) => (random.oneIn(2) ? line.toUpperCase() : line.toLowerCase()));
}

/** Repeats a part of a value many times: this makes long tokens, long lists and much white space. */
function lengthen({ fields }: { fields: string[] }, random: Random): void {
  changeField(fields, random, (line) => {
    const start = random.below(line.length);
    const part = line.slice(start, start + random.between(1, 8));
    return line + part.repeat(Math.min(random.pick([2, 30, 300, 3000]), Math.floor(3000 / Math.max(1, part.length))));
  });
}

function changeTarget(request: { line: string }, random: Random): void {
  const [method = "", target = "", ...version] = request.line.split(" ");
  const bytes = Buffer.from(target, "latin1");
  const changed = random.oneIn(3) ? mutate(bytes, bytes, random, [], 500).toString("latin1") : random.pick(TARGETS);
  request.line = [method, changed, ...version].join(" ");
}
