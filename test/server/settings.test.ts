import { createServer } from "node:http";
import express from "express";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../../src/errors/errors.ts";
import { newLimitCounters } from "../../src/server/limit-counters.ts";
import { numberOptions } from "../../src/server/number-options.ts";
import type { WebSocketServerOptions } from "../../src/server/options.ts";
import { readOptions } from "../../src/server/settings.ts";
import { certificate } from "../support/certificate.ts";

/** Options of any type, as from JavaScript. */
function read(options: unknown): ReturnType<typeof readOptions> {
  return readOptions(options as WebSocketServerOptions);
}

describe("without options", () => {
  // shows 4D-1-dataType-default
  test("every limit is finite, the type is text and the path is any", () => {
    expect(read({})).toMatchObject({
      path: undefined,
      dataType: "text",
      server: undefined,
      listen: undefined,
      requestListener: undefined,
      tls: undefined,
      ignoresInvalidJson: false,
      maxMessageSize: 1_048_576,
      handshakeTimeout: 10_000,
      closeTimeout: 5_000,
      maxSendQueue: 16_777_216,
      highWaterMark: 1_048_576,
      maxHeaderSize: 16_384,
      maxFragments: 16_384,
      maxJsonDepth: 64,
      maxJsonValues: 100_000,
      maxConnections: 100_000,
      maxConnectionsPerAddress: 20_000,
      maxHandshakes: 2_000,
      closeBatchSize: 1_000,
    });
  });

  test("rates are not limited, no proxy is trusted, and a full queue ends the connection", () => {
    expect(read({})).toMatchObject({
      maxHandshakesPerSecond: Infinity,
      maxMessagesPerSecond: Infinity,
      maxBytesPerSecond: Infinity,
      ratePolicy: "pause",
      sendQueuePolicy: "terminate",
      addressRule: undefined,
    });
  });

  test("an undefined option has its default", () => {
    const names = ["path", "dataType", "host", "tls", "origins", "invalidJson"];
    const policies = ["sendQueuePolicy", "ratePolicy", "trustProxy"];
    const none = Object.fromEntries(
      [...names, ...policies, ...Object.keys(numberOptions)].map((name) => [name, undefined]),
    );
    expect(JSON.stringify(read(none))).toBe(JSON.stringify(read({})));
  });
});

describe("a value that is not an object of options", () => {
  test.each([[null], [5], ["text"], [true], [Symbol("x")]])("%s is refused", (options) => {
    expect(() => read(options)).toThrow(InvalidArgumentError);
    expect(() => read(options)).toThrow(/^options: expected an object/);
  });

  test.each(["prot", "Port", "datatype", "maxPayload", "__proto__", "constructor", ""])(
    "the option %j does not exist and is named",
    (name) => {
      const options = JSON.parse(`{ ${JSON.stringify(name)}: 1 }`) as object;
      expect(() => read(options)).toThrow(InvalidArgumentError);
      expect(() => read(options)).toThrow(`options: there is no option ${JSON.stringify(name)}`);
    },
  );
});

describe("path", () => {
  test.each(["/", "/chat", "/a/b", "/a.b-c_d~e", "/%C3%A9", "/a:b@c", "/rooms/:id", "/*", () => true])(
    "%s is one",
    (path) => {
      expect(read({ path }).path?.option).toBe(path);
    },
  );

  test.each([
    "",
    "chat",
    "chat/",
    " /chat",
    "/a b",
    "/chat?x=1",
    "/chat#x",
    "/chat\n",
    "http://x/chat",
    5,
    null,
    ["/"],
    {},
    "/*/chat",
    "/chat*",
    "/chat/:",
    "/:name/:name",
  ])("%j is none, and the error names the option", (path) => {
    expect(() => read({ path })).toThrow(InvalidArgumentError);
    expect(() => read({ path })).toThrow(/^path: .*expected /);
  });
});

describe("dataType and invalidJson", () => {
  test.each(["text", "blob", "object", "auto"])("%s is a data type", (dataType) => {
    expect(read({ dataType }).dataType).toBe(dataType);
  });

  test.each(["Text", "binary", "", "toString", "__proto__", 5, null, ["text"]])("%j is none", (dataType) => {
    expect(() => read({ dataType })).toThrow(InvalidArgumentError);
    expect(() => read({ dataType })).toThrow(/^dataType: expected one of "text", "blob", "object", "auto", got /);
  });

  test("invalid JSON closes, or is dropped", () => {
    expect(read({ invalidJson: "close" }).ignoresInvalidJson).toBe(false);
    expect(read({ invalidJson: "ignore", dataType: "object" }).ignoresInvalidJson).toBe(true);
    expect(() => read({ invalidJson: "ignore" })).toThrow(/^invalidJson: "ignore" is only for dataType: "object"/);
    expect(() => read({ invalidJson: "ignore", dataType: "auto" })).toThrow(/: dataType is "auto"$/);
    for (const invalidJson of [true, "drop", null, 1]) {
      expect(() => read({ invalidJson })).toThrow(/^invalidJson: expected one of "close", "ignore", got /);
    }
  });
});

describe("where it listens", () => {
  test("a port may be any, with a host", () => {
    expect(read({ port: 0 }).listen).toEqual({ port: 0 });
    expect(read({ port: 65_535, host: "::1" }).listen).toEqual({ port: 65_535, host: "::1" });
  });

  test.each([-1, 65_536, 80.5, NaN, Infinity])("the port %s is out of range", (port) => {
    expect(() => read({ port })).toThrow(OutOfRangeError);
    expect(() => read({ port })).toThrow(/^port: expected an integer from 0 to 65535, got /);
  });

  test.each(["8080", null, {}, true])("the port %j is no number", (port) => {
    expect(() => read({ port })).toThrow(InvalidArgumentError);
    expect(() => read({ port })).toThrow(/^port: expected a number, got /);
  });

  test.each([5, null, {}])("the host %j is no text", (host) => {
    expect(() => read({ port: 0, host })).toThrow(/^host: expected a string/);
  });

  test.each([5, null, "key", true])("%j as tls is no object", (tls) => {
    expect(() => read({ port: 0, tls })).toThrow(InvalidArgumentError);
    expect(() => read({ port: 0, tls })).toThrow(/^tls: expected an object/);
  });

  test.each([5, null, "server", {}, { on: 5 }])("%j as server is none", (server) => {
    expect(() => read({ server })).toThrow(InvalidArgumentError);
    expect(() => read({ server })).toThrow(/^server: expected an http\.Server/);
  });

  test("a server and a port exclude each other", () => {
    const server = createServer();
    expect(read({ server }).server).toBe(server);
    expect(() => read({ server, port: 0 })).toThrow(/^port: not together with server/);
  });

  test.each([
    ["port", { port: undefined }],
    ["server", { server: undefined }],
    ["port", { server: undefined, port: undefined }],
  ])("%s is given, and not set: %j", (name, options) => {
    expect(() => read(options)).toThrow(InvalidArgumentError);
    expect(() => read(options)).toThrow(new RegExp(`^${name}: expected a value, got undefined`));
  });

  test("of a server and a port, one may be undefined", () => {
    const server = createServer();
    expect(read({ server, port: undefined }).server).toBe(server);
    expect(read({ server: undefined, port: 0 }).listen).toEqual({ port: 0 });
  });

  test.each([
    {},
    { key: undefined, cert: undefined },
    { key: "", cert: "" },
    { key: "a" },
    { cert: "a" },
    { minVersion: "TLSv1.3" },
  ])("%j as tls has no certificate and key", (tls) => {
    expect(() => read({ port: 0, tls })).toThrow(InvalidArgumentError);
    expect(() => read({ port: 0, tls })).toThrow(/^tls: expected a certificate and its key/);
  });

  test.each([
    { key: "a", cert: "a" },
    { key: [{ pem: "a" }], cert: ["a"] },
    { cert: "a", privateKeyIdentifier: "a" },
    { pfx: "a" },
    { SNICallback: () => undefined },
    { pskCallback: () => null },
    { ciphers: "aNULL" },
  ])("%j as tls may serve clients", (tls) => {
    expect(read({ port: 0, tls }).tls).toBe(tls);
  });

  test.each([5, null, "listener", {}])("%j as requestListener is no function", (requestListener) => {
    expect(() => read({ port: 0, requestListener })).toThrow(/^requestListener: expected a function/);
  });

  test("of port, path and fd, the own web server needs exactly one", () => {
    expect(read({ listen: { path: "/tmp/x" } }).listen).toEqual({ path: "/tmp/x" });
    expect(read({ port: 80, host: "::1", listen: { backlog: 5 } }).listen).toEqual({
      port: 80,
      host: "::1",
      backlog: 5,
    });
    expect(read({ listen: { port: 80, ipv6Only: true } }).listen).toEqual({ port: 80, ipv6Only: true });
    expect(() => read({ listen: {} })).toThrow(/^listen: expected one of port, path and fd, got none/);
    expect(() => read({ listen: { host: "::1" } })).toThrow(/^listen: expected one of port, path and fd, got none/);
    expect(() => read({ port: 0, listen: { fd: 3 } })).toThrow(/, got port and fd$/);
    expect(() => read({ listen: { path: "/tmp/x", fd: 3 } })).toThrow(/, got path and fd$/);
    expect(() => read({ port: 0, listen: { port: 0 } })).toThrow(/^listen: port: not together with the option port/);
    expect(() => read({ host: "x", listen: { host: "x" } })).toThrow(
      /^listen: host: not together with the option host/,
    );
    expect(() => read({ server: createServer(), listen: { fd: 3 } })).toThrow(/^listen: not together with server/);
    expect(() => read({ listen: undefined })).toThrow(/^listen: expected a value, got undefined/);
  });

  test("host and tls are for a port", () => {
    expect(() => read({ requestListener: () => undefined })).toThrow(
      /^requestListener: only together with port or listen/,
    );
    expect(() => read({ server: createServer(), requestListener: () => undefined })).toThrow(
      /has a listener of its own$/,
    );
    expect(() => read({ host: "127.0.0.1" })).toThrow(/^host: only together with port/);
    expect(() => read({ tls: {} })).toThrow(/^tls: only together with port/);
    expect(() => read({ server: createServer(), tls: {} })).toThrow(/^tls: only together with port/);
  });
});

describe("numbers", () => {
  test("each of them is read, wherever it belongs", () => {
    const given = Object.fromEntries(Object.keys(numberOptions).map((name, i) => [name, 20 + i]));
    expect(read(given)).toMatchObject(given);
    expect(() => read({ closeBatchSize: 0 })).toThrow(/^closeBatchSize: expected an integer from 1 /);
  });
});

describe("policies", () => {
  test.each(["terminate", "drop-newest", "drop-oldest", "latest"])("%s is one for a full send queue", (policy) => {
    expect(read({ sendQueuePolicy: policy }).sendQueuePolicy).toBe(policy);
  });

  test.each(["pause", "close"])("%s is one for a rate", (policy) => {
    expect(read({ ratePolicy: policy }).ratePolicy).toBe(policy);
  });

  test.each(["drop", "Terminate", "", "toString", "__proto__", 5, null, true, ["close"]])("%j is none", (policy) => {
    expect(() => read({ sendQueuePolicy: policy })).toThrow(InvalidArgumentError);
    expect(() => read({ sendQueuePolicy: policy })).toThrow(
      `sendQueuePolicy: expected one of "terminate", "drop-newest", "drop-oldest", "latest", got ${JSON.stringify(policy)}`,
    );
    expect(() => read({ ratePolicy: policy })).toThrow(
      `ratePolicy: expected one of "pause", "close", got ${JSON.stringify(policy)}`,
    );
  });
});

describe("trustProxy", () => {
  test.each([[1], ["loopback"], [["10.0.0.0/8"]], [[]]])(
    "%j makes a rule, which finds the client's address",
    (trustProxy) => {
      const { addressRule } = read({ trustProxy });
      expect(addressRule?.findClient("127.0.0.1", "198.51.100.7")).toBe(
        trustProxy === 1 || trustProxy === "loopback" ? "198.51.100.7" : "127.0.0.1",
      );
    },
  );

  test("no hops are no proxy", () => {
    expect(read({ trustProxy: 0 })).toMatchObject({ addressRule: undefined });
  });

  test.each([-1, 0.5, NaN, Infinity])("%d is out of range", (trustProxy) => {
    expect(() => read({ trustProxy })).toThrow(OutOfRangeError);
    expect(() => read({ trustProxy })).toThrow(/^trustProxy: /);
  });

  test.each([null, true, {}, "example.com", ["10.0.0.0/33"], [5]])("%j is of a wrong type", (trustProxy) => {
    expect(() => read({ trustProxy })).toThrow(InvalidArgumentError);
    expect(() => read({ trustProxy })).toThrow(/^trustProxy: /);
  });
});

describe("the time limits of a connection, in ticks", () => {
  test("by default a tick is a second", () => {
    expect(read({}).keepalive).toEqual({
      tickMs: 1_000,
      pingInterval: 21,
      pingTimeout: 20,
      idleTimeout: Infinity,
      maxLifetime: Infinity,
    });
  });

  test.each([
    // A twentieth of the shortest time, for that precision.
    [{ pingInterval: 2_000 }, [100, 16, 200, Infinity, Infinity]],
    [{ pingTimeout: 2_000 }, [100, 246, 20, Infinity, Infinity]],
    [{ idleTimeout: 2_000 }, [100, 246, 200, 20, Infinity]],
    [{ maxLifetime: 2_000 }, [100, 246, 200, Infinity, 20]],
    [{ maxLifetime: 2_039 }, [101, 243, 199, Infinity, 21]],
    // Not below 5 ms and not above a second.
    [{ pingInterval: 100, pingTimeout: 99 }, [5, 16, 20, Infinity, Infinity]],
    [{ pingInterval: 1, pingTimeout: 1 }, [5, 1, 1, Infinity, Infinity]],
    [{ pingInterval: 3_600_000, pingTimeout: 1_800_000 }, [1_000, 3_596, 1_800, Infinity, Infinity]],
    // Without pings there is no wait for a pong.
    [{ pingInterval: Infinity, idleTimeout: 60_000 }, [1_000, Infinity, Infinity, 60, Infinity]],
    [{ pingInterval: Infinity, pingTimeout: 5 }, [1_000, Infinity, Infinity, Infinity, Infinity]],
    [{ pingTimeout: Infinity }, [1_000, 21, Infinity, Infinity, Infinity]],
  ] as const)(
    "%j is rounded up to whole ticks, and the first ping is due a round before its interval ends",
    (options, [tickMs, pingInterval, pingTimeout, idleTimeout, maxLifetime]) => {
      expect(read(options).keepalive).toEqual({ tickMs, pingInterval, pingTimeout, idleTimeout, maxLifetime });
    },
  );
});

describe("the derived settings", () => {
  test("each server has its own limitCounters, all 0", () => {
    const [one, other] = [read({}), read({})];
    expect(one.limitCounters).toEqual(newLimitCounters());
    expect(one.limitCounters).not.toBe(other.limitCounters);
  });

  test("under object the limits for JSON are the given ones", () => {
    const { decode } = read({ dataType: "object", maxJsonDepth: 2, maxJsonValues: 4 });
    const parse = decode.parse!;
    expect(parse("[[1, 2]]")).toEqual([[1, 2]]);
    expect(() => parse("[[[1]]]")).toThrow(/maxJsonDepth/);
    expect(() => parse("[1, 2, 3, 4, 5]")).toThrow(/maxJsonValues/);
  });
});

describe("origins", () => {
  test("a wrong list is refused and named", () => {
    for (const origins of [5, null, "https://example.com", [5], ["example.com"]]) {
      expect(() => read({ origins })).toThrow(/^origins: expected /);
    }
  });
});

test("an Express app does not get requests of HTTP/2", () => {
  const tls = certificate;
  expect(() => read({ port: 0, tls, http2: true, requestListener: express() })).toThrow(
    "http2: not with this requestListener: Express knows HTTP/1.1 only",
  );
  expect(read({ port: 0, tls, requestListener: express() }).http2).toBe(false);
  expect(read({ port: 0, tls, http2: true, requestListener: () => undefined }).http2).toBe(true);
});
