import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { type AddressRule, type TrustProxy, addressRule } from "../../src/handshake/forwarded-address.ts";
import { NodeRequest } from "../../src/handshake/node-request.ts";

interface Given {
  readonly url?: string;
  readonly rawHeaders?: readonly string[];
  readonly remoteAddress?: string;
}

/** The part of Node's request that is used. */
function request({ url, rawHeaders = [], remoteAddress }: Given): NodeRequest {
  return new NodeRequest({ url, rawHeaders, socket: { remoteAddress } } as unknown as IncomingMessage);
}

describe("the request's URL", () => {
  // shows 4D-1-request-url
  test("it is the raw target, with any content", () => {
    expect(request({ url: "/status?name=r%79an&x" }).url).toBe("/status?name=r%79an&x");
    expect(request({}).url).toBe("/");
  });
});

describe("the request's path, parameters, cookies and Node's own request", () => {
  test.each([
    ["/rooms/7?name=ryan", "/rooms/7"],
    ["ws://example.com/a%20b?x", "/a%20b"],
    ["http://example.com", "/"],
    ["*", "/"],
  ])("the path of %s is %s", (url, path) => {
    expect(request({ url }).path).toBe(path);
  });

  test("the parameters are those of the server's path, and none without names", () => {
    const params = { id: "7" };
    expect(
      new NodeRequest({ url: "/", rawHeaders: [] } as unknown as IncomingMessage, undefined, { params }).params,
    ).toBe(params);
    expect(request({}).params).toEqual(Object.create(null));
    expect(Object.isFrozen(request({}).params)).toBe(true);
  });

  test("the cookies are those of all lines, read once", () => {
    const one = request({ rawHeaders: ["Cookie", "a=1; b=2", "cookie", "a=3"] });
    expect({ ...one.cookies }).toEqual({ a: "1", b: "2" });
    expect(one.cookies).toBe(one.cookies);
  });

  test("raw is the request that Node has read", () => {
    const message = { url: "/", rawHeaders: [], session: { user: 1 } } as unknown as IncomingMessage;
    expect(new NodeRequest(message).raw).toBe(message);
  });
});

describe("the request's address", () => {
  // shows 4D-1-request-address
  test("it is the peer's", () => {
    expect(request({ remoteAddress: "192.0.2.7" }).remoteAddress).toBe("192.0.2.7");
  });

  test("it is kept once it was read: a closed socket does not have it any more", () => {
    const socket: { remoteAddress: string | undefined } = { remoteAddress: "192.0.2.7" };
    const known = new NodeRequest({ url: "/", rawHeaders: [], socket } as unknown as IncomingMessage);
    expect(known.remoteAddress).toBe("192.0.2.7");
    socket.remoteAddress = undefined;
    expect(known.remoteAddress).toBe("192.0.2.7");
  });

  test("it is empty when the socket never had it", () => {
    expect(request({}).remoteAddress).toBe("");
  });
});

describe("a client that is gone", () => {
  const from = (socket: object): NodeRequest =>
    new NodeRequest({ url: "/", rawHeaders: [], socket } as unknown as IncomingMessage);

  test("is one whose TCP socket knows its own address and not that of its peer", () => {
    expect(from({ localAddress: "127.0.0.1" }).isGone).toBe(true);
    expect(from({ localAddress: "127.0.0.1", remoteAddress: "192.0.2.7" }).isGone).toBe(false);
    expect(from({}).isGone).toBe(false);
    expect(from({ destroyed: true }).isGone).toBe(true);
  });
});

describe("the request's address behind a proxy", () => {
  function after(trust: TrustProxy | undefined, forwarded: string | string[] | undefined): NodeRequest {
    const lines = forwarded === undefined ? [] : [forwarded].flat();
    const message = { url: "/", rawHeaders: lines.flatMap((line) => ["X-Forwarded-For", line]) };
    const socket = { remoteAddress: "10.0.0.1" };
    return new NodeRequest({ ...message, socket } as unknown as IncomingMessage, addressRule(trust));
  }

  test.each([
    [undefined, "198.51.100.7", "10.0.0.1"],
    [0, "198.51.100.7", "10.0.0.1"],
    [1, "6.6.6.6, 198.51.100.7", "198.51.100.7"],
    [1, undefined, "10.0.0.1"],
    ["10.0.0.0/8", "6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7"],
    ["192.0.2.0/24", "198.51.100.7", "10.0.0.1"],
  ])("with trustProxy %j and the header %j it is %s", (trust, forwarded, expected) => {
    expect(after(trust, forwarded).remoteAddress).toBe(expected);
  });

  test("a header that came several times is one list, in the order of its lines", () => {
    const lines = ["6.6.6.6, 198.51.100.7", "10.0.0.2", "10.0.0.3"];
    expect(after(3, lines).remoteAddress).toBe("198.51.100.7");
    expect(after("10.0.0.0/8", lines).remoteAddress).toBe("198.51.100.7");
  });

  test("it is found once, and kept when the socket is closed", () => {
    const asked: string[] = [];
    const rule: AddressRule = {
      isTrusted: () => true,
      findClient(direct, forwarded) {
        asked.push(`${direct} for ${forwarded ?? "nobody"}`);
        return "198.51.100.7";
      },
    };
    const socket: { remoteAddress: string | undefined } = { remoteAddress: "10.0.0.1" };
    const known = new NodeRequest({ url: "/", rawHeaders: [], socket } as unknown as IncomingMessage, rule);
    expect(asked).toEqual([]);
    expect(known.remoteAddress).toBe("198.51.100.7");
    socket.remoteAddress = undefined;
    expect([known.remoteAddress, known.remoteAddress]).toEqual(["198.51.100.7", "198.51.100.7"]);
    expect(asked).toEqual(["10.0.0.1 for nobody"]);
  });
});

describe("a request from a trusted proxy", () => {
  test.each([
    [undefined, false],
    [0, false],
    [1, true],
    ["10.0.0.0/8", true],
    ["loopback", false],
    [[], false],
  ] as [TrustProxy | undefined, boolean][])("with trustProxy %j: %s, for the peer 10.0.0.1", (trust, expected) => {
    const message = { url: "/", rawHeaders: [], headers: {}, socket: { remoteAddress: "10.0.0.1" } };
    const one = new NodeRequest(message as unknown as IncomingMessage, addressRule(trust));
    expect(one.isFromTrustedProxy).toBe(expected);
  });

  test("is not one whose client has reset its connection, where addresses are trusted", () => {
    const message = { url: "/", rawHeaders: [], headers: {}, socket: { localAddress: "127.0.0.1" } };
    const one = new NodeRequest(message as unknown as IncomingMessage, addressRule("loopback"));
    expect(one.isFromTrustedProxy).toBe(false);
  });
});

describe("the request's headers", () => {
  // shows 4D-1-request-headers
  test("names are lower-case, and what came several times is an array in its order", () => {
    const { headers } = request({ rawHeaders: ["Host", "a", "X-One", "1", "x-two", "b", "X-TWO", "a", "X-Two", "c"] });
    expect({ ...headers }).toEqual({ host: "a", "x-one": "1", "x-two": ["b", "a", "c"] });
  });

  test("a name of which HTTP allows one is a string: the first; cookies are joined", () => {
    const { headers } = request({ rawHeaders: ["Cookie", "a=1", "Cookie", "b=2", "Host", "x", "Host", "y"] });
    expect({ ...headers }).toEqual({ cookie: "a=1; b=2", host: "x" });
  });

  // shows 4D-1-request-prototype
  test("names of Object.prototype are names like others", () => {
    const names = ["constructor", "__proto__", "hasOwnProperty", "toString", "valueOf"];
    const { headers } = request({ rawHeaders: names.flatMap((name) => [name, "1"]) });
    expect(Object.getPrototypeOf(headers)).toBeNull();
    expect(Object.entries(headers)).toEqual(names.map((name) => [name.toLowerCase(), "1"]));
    const none = request({}).headers;
    expect(Object.getPrototypeOf(none)).toBeNull();
    for (const name of names) expect(none[name]).toBeUndefined();
    expect(Object.keys({})).toEqual([]);
  });

  test("__proto__ that came twice is an array and changes nothing else", () => {
    const { headers } = request({ rawHeaders: ["__proto__", "a", "__proto__", "b"] });
    expect(headers["__proto__"]).toEqual(["a", "b"]);
    expect(Object.getPrototypeOf(headers)).toBeNull();
  });

  test("they are read once", () => {
    const one = request({ rawHeaders: ["a", "1"] });
    expect(one.headers).toBe(one.headers);
  });

  test("a hundred thousand headers of one name are read in one pass", () => {
    const many = Array.from({ length: 100_000 }, () => ["x", "1"]).flat();
    expect(request({ rawHeaders: many }).headers["x"]?.length).toBe(100_000);
  });
});

describe("the request's query", () => {
  // shows 4D-1-request-query
  test.each([
    ["/status?name=ryan", { name: "ryan" }],
    ["/?a=1&b=2&a=3&a=", { a: ["1", "3", ""], b: "2" }],
    ["/?a=%C3%A9+%2B&%62=x%20y", { a: "\u00e9 +", b: "x y" }],
    ["/?a", { a: "" }],
    ["/?=1", { "": "1" }],
    ["/?a=1=2", { a: "1=2" }],
    ["/?&&a=1&&", { a: "1" }],
    ["/", {}],
    ["/?", {}],
    ["http://example.com?a=1", { a: "1" }],
    // A part that cannot be decoded does not fail.
    ["/?a=%&b=%zz&c=%ff", { a: "%", b: "%zz", c: "\ufffd" }],
    // Without a target there are no parameters.
    ["*", {}],
  ])("of %s it is decoded", (url, expected) => {
    expect({ ...request({ url }).query }).toEqual(expected);
  });

  // shows 4D-1-request-prototype
  test("names of Object.prototype are names like others", () => {
    const { query } = request({ url: "/?constructor=1&__proto__=2&hasOwnProperty=3&__proto__=4" });
    expect(Object.getPrototypeOf(query)).toBeNull();
    expect(Object.entries(query)).toEqual([
      ["constructor", "1"],
      ["__proto__", ["2", "4"]],
      ["hasOwnProperty", "3"],
    ]);
    expect(request({ url: "/" }).query.constructor).toBeUndefined();
  });

  test("it is read once", () => {
    const one = request({ url: "/?a=1" });
    expect(one.query).toBe(one.query);
  });

  test("a hundred thousand parameters of one name are read in one pass", () => {
    expect(request({ url: `/?${"a&".repeat(100_000)}` }).query["a"]?.length).toBe(100_000);
  });
});
