import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors/errors.ts";
import { addressRule } from "../../src/handshake/forwarded-address.ts";
import { readHttp1 } from "../../src/handshake/http1.ts";
import type { HandshakeOffer } from "../../src/handshake/offer.ts";
import type { HandshakeRules } from "../../src/handshake/offered.ts";
import { originRule } from "../../src/handshake/rules/origin.ts";
import { Refusal } from "../../src/handshake/refusal.ts";
import type { Extension } from "../../src/protocol/extension.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import { turn } from "../support/peer.ts";

interface Given {
  readonly method?: string;
  readonly url?: string | undefined;
  readonly version?: readonly [major: number, minor: number];
  /** Replace or extend the valid headers. Undefined leaves one out, an array sends several. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly rules?: Partial<HandshakeRules>;
  /** The web server's own limit, as in Node: null is the default, 0 is no limit. */
  readonly maxHeadersCount?: number | null;
}

const GOOD: NonNullable<Given["headers"]> = {
  Host: "example.com",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
};

const HEAD = asBytes(Buffer.from([0x81, 0x80, 0, 0, 0, 0]));

function read(given: Given = {}): { answer: HandshakeOffer | Refusal; socket: PassThrough } {
  const { method = "GET", version = [1, 1], headers = {}, rules = {}, maxHeadersCount = null } = given;
  const rawHeaders = Object.entries({ ...GOOD, ...headers }).flatMap(([name, value]) =>
    (typeof value === "object" ? value : [value]).flatMap((one) => (one === undefined ? [] : [name, one])),
  );
  const forwarded = headers["X-Forwarded-For"];
  const message = {
    method,
    url: "url" in given ? given.url : "/chat",
    httpVersionMajor: version[0],
    httpVersionMinor: version[1],
    httpVersion: version.join("."),
    rawHeaders,
    headers: { "x-forwarded-for": typeof forwarded === "object" ? forwarded.join(", ") : forwarded },
    socket: { remoteAddress: "192.0.2.7", server: { maxHeadersCount } },
  };
  const socket = new PassThrough();
  const all = { originRule: originRule(undefined), addressRule: undefined, maxHeaderSize: 16_384, ...rules };
  return { answer: readHttp1(message as unknown as IncomingMessage, socket, HEAD, all), socket };
}

function offer(given?: Given): HandshakeOffer {
  const { answer } = read(given);
  if (answer instanceof Refusal) throw new Error(`refused: ${String(answer.status)} ${answer.body}`);
  return answer;
}

function refusal(given: Given): Refusal {
  const { answer } = read(given);
  if (!(answer instanceof Refusal)) throw new Error("accepted");
  return answer;
}

describe("a valid handshake", () => {
  test("it gives an offer with the request", () => {
    const { request, protocols } = offer({ url: "/status?name=ryan" });
    expect(request.url).toBe("/status?name=ryan");
    expect(request.query["name"]).toBe("ryan");
    expect(request.headers.host).toBe("example.com");
    expect(request.remoteAddress).toBe("192.0.2.7");
    expect(protocols).toEqual([]);
  });

  test("accepting it writes nothing yet, but returns the response, the stream and the bytes after the request", () => {
    const { answer, socket } = read({ headers: { "Sec-WebSocket-Protocol": "chat" } });
    const { stream, handshakeResponse, head } = (answer as HandshakeOffer).accept({ protocol: "chat" });
    expect(stream).toBe(socket);
    expect(head).toBe(HEAD);
    expect(handshakeResponse).toMatch(
      /^HTTP\/1\.1 101 [^]*: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n[^]*-Protocol: chat\r\n\r\n$/,
    );
    expect(socket.readableLength).toBe(0);
  });

  test("accepting it may agree to extensions and set headers, as compression and sessions will", () => {
    const own = offer({
      headers: {
        "Sec-WebSocket-Protocol": "chat",
        "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits, x-other",
      },
    });
    expect(own.extensions.map(({ name }) => name)).toEqual(["permessage-deflate", "x-other"]);
    const extensions: Extension[] = [
      {
        name: "permessage-deflate",
        parameters: [
          ["server_no_context_takeover", true],
          ["client_max_window_bits", "12"],
        ],
      },
    ];
    const accepted = own.accept({ protocol: "chat", extensions, headers: { "Set-Cookie": ["a=1", "b=2"] } });
    expect(accepted.handshakeResponse).toMatch(
      /\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_max_window_bits=12\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n$/,
    );
    expect(accepted.protocol).toBe("chat");
    expect(accepted.extensions).toBe(extensions);
    expect(offer().accept({})).toMatchObject({ protocol: undefined, extensions: [] });
  });

  test("accepting it refuses headers that would break the response", () => {
    expect(() => offer().accept({ headers: { X: "a\r\n\r\n" } })).toThrow(InvalidArgumentError);
    const extensions: Extension[] = [{ name: "x", parameters: [["a", "b\r\nc"]] }];
    expect(() => offer().accept({ extensions })).toThrow(InvalidArgumentError);
  });

  test("refusing it answers on its socket", () => {
    const { answer, socket } = read();
    const chunks: string[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));
    const lingering: unknown[] = [];
    (answer as HandshakeOffer).refuse(new Refusal(403, "No."), (answered) => lingering.push(answered));
    expect(socket.writableEnded).toBe(true);
    expect(lingering).toEqual([socket]);
  });

  test("the subprotocols are in the client's order, over several lines too", () => {
    const headers = { "Sec-WebSocket-Protocol": ["b, a", " c ,", ""] };
    expect(offer({ headers }).protocols).toEqual(["b", "a", "c"]);
  });

  test("subprotocols are case-sensitive, and may have names of members of Object.prototype", () => {
    const headers = { "Sec-WebSocket-Protocol": "chat, Chat, constructor, __proto__" };
    expect(offer({ headers }).protocols).toEqual(["chat", "Chat", "constructor", "__proto__"]);
  });

  test("lists may come in several lines", () => {
    const headers = { Connection: ["keep-alive", "upgrade"], Upgrade: ["h2c", "websocket"] };
    expect(offer({ headers }).protocols).toEqual([]);
  });

  test("no extension is accepted, whatever its name", () => {
    const headers = { "Sec-WebSocket-Extensions": ["permessage-deflate", "constructor; __proto__"] };
    expect(offer({ headers }).accept({}).handshakeResponse).not.toMatch(/extensions/i);
  });

  test("an empty body is allowed", () => {
    expect(offer({ headers: { "Content-Length": "0" } }).protocols).toEqual([]);
  });
});

describe("an invalid handshake", () => {
  test.each([
    ["another method", 405, /GET/, { method: "POST" }],
    ["HTTP/1.0", 400, /HTTP\/1\.1/, { version: [1, 0] }],
    ["a target that is no path", 400, /target/, { url: "*" }],
    ["a target with a fragment", 400, /target/, { url: "/#x" }],
    ["no Host", 400, /Host/, { headers: { Host: undefined } }],
    ["two Hosts", 400, /Host/, { headers: { Host: ["a", "a"] } }],
    ["no Upgrade", 426, /WebSocket/, { headers: { Upgrade: undefined } }],
    ["another Upgrade", 426, /WebSocket/, { headers: { Upgrade: "h2c" } }],
    ["a Connection without upgrade", 400, /Connection/, { headers: { Connection: "keep-alive" } }],
    ["no Connection", 400, /Connection/, { headers: { Connection: undefined } }],
    ["a body", 400, /body/, { headers: { "Content-Length": "5" } }],
    ["a length that came twice", 400, /body/, { headers: { "Content-Length": ["0", "0"] } }],
    ["a body in chunks", 400, /body/, { headers: { "Transfer-Encoding": "chunked" } }],
    ["no version", 426, /13/, { headers: { "Sec-WebSocket-Version": undefined } }],
    ["another version", 426, /13/, { headers: { "Sec-WebSocket-Version": "8" } }],
    ["two versions", 426, /13/, { headers: { "Sec-WebSocket-Version": ["13", "13"] } }],
    ["no key", 400, /Key/, { headers: { "Sec-WebSocket-Key": undefined } }],
    ["a key that is none", 400, /Key/, { headers: { "Sec-WebSocket-Key": "x" } }],
    ["two keys", 400, /Key/, { headers: { "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ==", "x"] } }],
    ["a subprotocol that is none", 400, /Protocol/, { headers: { "Sec-WebSocket-Protocol": "a b" } }],
    ["a subprotocol twice", 400, /Protocol/, { headers: { "Sec-WebSocket-Protocol": ["a", "b, a"] } }],
    ["an origin that is not ours", 403, /origin/, { headers: { Origin: "https://evil.example" } }],
    ["the origin null", 403, /origin/, { headers: { Origin: "null" } }],
    ["two origins", 403, /origin/, { headers: { Origin: ["https://example.com", "https://example.com"] } }],
    ["an empty origin", 403, /origin/, { headers: { Origin: "" } }],
  ] as [string, number, RegExp, Given][])("with %s gets %d and the reason", (_what, status, reason, given) => {
    const refused = refusal(given);
    expect(refused.status).toBe(status);
    expect(refused.body).toMatch(reason);
    expect(refused.body).not.toContain("\n");
  });

  test("gets 405 with the allowed method, and 426 with the supported version", () => {
    expect(refusal({ method: "PUT" }).headers).toEqual({ Allow: "GET" });
    const spoken = { Upgrade: "websocket", "Sec-WebSocket-Version": "13" };
    expect(refusal({ headers: { "Sec-WebSocket-Version": "12" } }).headers).toEqual(spoken);
    expect(refusal({ headers: { Upgrade: undefined } }).headers).toEqual(spoken);
  });
});

describe("origins", () => {
  test("a client without one is not a browser and passes", () => {
    expect(offer({ rules: { originRule: () => false } }).protocols).toEqual([]);
  });

  test("several lines are joined to one text, which no list contains", () => {
    const seen: string[] = [];
    const rules = { originRule: (origin: string): boolean => seen.push(origin) > 0 };
    expect(offer({ headers: { Origin: ["https://a", "https://b"] }, rules }).protocols).toEqual([]);
    expect(seen).toEqual(["https://a, https://b"]);
  });

  test("a rule that throws does so to the caller", () => {
    const broken = (): never => {
      throw new Error("mine");
    };
    expect(() => read({ headers: { Origin: "null" }, rules: { originRule: broken } })).toThrow("mine");
  });
});

describe("the client's address", () => {
  const headers = { "X-Forwarded-For": ["6.6.6.6, 198.51.100.7", "10.0.0.2"] };

  test("without a rule it is the peer's address, whatever the headers say", () => {
    expect(offer({ headers }).request.remoteAddress).toBe("192.0.2.7");
  });

  test("with one it is the client that the trusted proxies name, over several headers too", () => {
    expect(offer({ headers, rules: { addressRule: addressRule(2) } }).request.remoteAddress).toBe("198.51.100.7");
    const networks = addressRule(["192.0.2.7", "10.0.0.0/8"]);
    expect(offer({ headers, rules: { addressRule: networks } }).request.remoteAddress).toBe("198.51.100.7");
  });

  test("the rule for origins gets the same one", () => {
    const seen: string[] = [];
    const rules: Partial<HandshakeRules> = {
      addressRule: addressRule(1),
      originRule: (_origin, request) => seen.push(request.remoteAddress) > 0,
    };
    expect(offer({ headers: { ...headers, Origin: "https://a" }, rules }).request.remoteAddress).toBe("10.0.0.2");
    expect(seen).toEqual(["10.0.0.2"]);
  });
});

describe("the host that a proxy tells", () => {
  const headers = { Origin: "https://app.example.com", "X-Forwarded-Host": "app.example.com" };

  test.each([[1], ["192.0.2.7"], [["192.0.2.0/24"]]])("counts for the origin, with trustProxy %j", (trust) => {
    expect(offer({ headers, rules: { addressRule: addressRule(trust) } }).protocols).toEqual([]);
    const other = { ...headers, Origin: "https://example.com" };
    expect(refusal({ headers: other, rules: { addressRule: addressRule(trust) } }).status).toBe(403);
  });

  test.each([[undefined], [0], ["10.0.0.0/8"], [[]]])(
    "is ignored with trustProxy %j: the socket's address is not trusted",
    (trust) => {
      expect(refusal({ headers, rules: { addressRule: addressRule(trust) } }).status).toBe(403);
      const origin = { ...headers, Origin: "https://example.com" };
      expect(offer({ headers: origin, rules: { addressRule: addressRule(trust) } }).protocols).toEqual([]);
    },
  );
});

describe("the size of target and headers", () => {
  test("up to the limit is fine, one byte more gets 431", () => {
    // Each line has ": " and a line's end beside its texts.
    const lines = Object.entries(GOOD).reduce(
      (sum, [name, value]) => sum + name.length + (value as string).length + 4,
      0,
    );
    const size = "/chat".length + lines;
    expect(offer({ rules: { maxHeaderSize: size } }).protocols).toEqual([]);
    expect(refusal({ rules: { maxHeaderSize: size - 1 } }).status).toBe(431);
  });

  test("a long target counts too", () => {
    expect(refusal({ url: `/${"a".repeat(20_000)}` }).status).toBe(431);
  });

  test("a request that is too large is not checked further", () => {
    expect(refusal({ method: "POST", headers: { X: "a".repeat(20_000) } }).status).toBe(431);
  });

  test("headers of the largest allowed size are read in one pass", () => {
    const long = ", ".repeat(1 << 19);
    const rules = { maxHeaderSize: Infinity };
    const headers = {
      Connection: `${long}upgrade`,
      Upgrade: `websocket${long}`,
      "Sec-WebSocket-Protocol": `${long}chat${long}`,
      "Sec-WebSocket-Extensions": `${long}x`,
    };
    expect(offer({ headers, rules }).protocols).toEqual(["chat"]);
    const protocols = Array.from({ length: 100_000 }, (_, index) => `p${String(index)}`).join();
    expect(offer({ headers: { "Sec-WebSocket-Protocol": protocols }, rules }).protocols.length).toBe(100_000);
  });
});

describe("headers that Node may have dropped", () => {
  const filler = (count: number) => ({ a: Array<string>(count).fill("") });

  test.each([
    ["Node's own limit", null, 1000],
    ["the web server's limit", 50, 50],
  ])("%s reached gives 431: an Origin after it would not be seen", (_name, maxHeadersCount, most) => {
    expect(refusal({ headers: filler(most - 5), maxHeadersCount }).status).toBe(431);
    expect(offer({ headers: filler(most - 6), maxHeadersCount }).protocols).toEqual([]);
  });

  test("a web server that keeps all headers is bounded only by bytes", () => {
    expect(offer({ headers: filler(2000), maxHeadersCount: 0 }).protocols).toEqual([]);
    expect(refusal({ headers: filler(20_000), maxHeadersCount: 0 }).status).toBe(431);
  });

  test.each([
    [0, 9],
    [2, 0],
  ])("HTTP/%i.%i is not the HTTP/1.1 that an upgrade needs", (...version) => {
    expect(refusal({ version }).status).toBe(400);
  });
});

describe("a listener to readable, after the handshake is accepted,", () => {
  /** Accepts a handshake on a socket to which `listen` listens, and sends chunks to it. */
  async function accept(listen: (socket: PassThrough) => void) {
    const { answer, socket } = read();
    listen(socket);
    (answer as HandshakeOffer).accept({});
    const received: string[] = [];
    socket.on("data", (chunk: Buffer) => received.push(String(chunk)));
    const push = async (...chunks: string[]): Promise<void> => {
      for (const chunk of chunks) {
        socket.write(chunk);
        await turn();
      }
    };
    await turn();
    return { socket, received, push };
  }

  test("is called after each chunk, and may read", async () => {
    let calls = 0;
    const { received, push } = await accept((socket) => {
      socket.on("readable", () => {
        calls++;
        while (socket.read() !== null);
      });
    });
    await push("a", "b", "c");
    expect([received, calls]).toEqual([["a", "b", "c"], 3]);
  });

  test("is called once if it was added by once", async () => {
    let calls = 0;
    const { socket, received, push } = await accept((added) => added.once("readable", () => calls++));
    await push("a", "b", "c");
    expect([received, calls]).toEqual([["a", "b", "c"], 1]);
    // Nothing of ours is left.
    expect(socket.listenerCount("data")).toBe(1);
  });

  test.each(["off", "removeListener"] as const)("is not called any more after %s, once for each call", async (off) => {
    let calls = 0;
    const listener = (): number => calls++;
    const { socket, received, push } = await accept((added) => {
      added.on("readable", listener).once("readable", listener);
    });
    socket[off]("readable", listener);
    await push("a", "b");
    expect(calls).toBe(2);
    socket[off]("readable", listener)[off]("readable", listener);
    await push("c");
    expect([received, calls, socket.listenerCount("data")]).toEqual([["a", "b", "c"], 2, 1]);
    const other = (): void => undefined;
    expect(socket.on("close", other)[off]("close", other).listeners("close")).not.toContain(other);
  });
});
