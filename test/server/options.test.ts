import { constants } from "node:buffer";
import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../../src/errors/errors.ts";
import { readOptions, type WebSocketServerOptions } from "../../src/server/options.ts";

/** Options as JavaScript may hand them over. */
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
      port: undefined,
      host: undefined,
      tls: undefined,
      keepOnInvalidJson: false,
      maxMessageSize: 1_048_576,
      handshakeTimeout: 10_000,
      closeTimeout: 5_000,
      maxSendQueue: 16_777_216,
      highWaterMark: 1_048_576,
      maxHeaderSize: 16_384,
    });
  });

  test("an option that is undefined is one that is not given", () => {
    const names = ["path", "dataType", "server", "port", "host", "tls", "origins", "invalidJson", "fragmentSize"];
    const sizes = [
      "maxMessageSize",
      "handshakeTimeout",
      "closeTimeout",
      "maxSendQueue",
      "highWaterMark",
      "maxHeaderSize",
    ];
    const none = Object.fromEntries([...names, ...sizes].map((name) => [name, undefined]));
    expect(JSON.stringify(read(none))).toBe(JSON.stringify(read({})));
  });
});

describe("what is no set of options", () => {
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
  test.each(["/", "/chat", "/a/b", "/a.b-c_d~e", "/%C3%A9", "/a:b@c"])("%s is one", (path) => {
    expect(read({ path }).path).toBe(path);
  });

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
  ])("%j is none, and the error names the option", (path) => {
    expect(() => read({ path })).toThrow(InvalidArgumentError);
    expect(() => read({ path })).toThrow(/^path: expected /);
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
    expect(read({ invalidJson: "close" }).keepOnInvalidJson).toBe(false);
    expect(read({ invalidJson: "keep" }).keepOnInvalidJson).toBe(true);
    for (const invalidJson of [true, "drop", null, 1]) {
      expect(() => read({ invalidJson })).toThrow(/^invalidJson: expected one of "close", "keep", got /);
    }
  });
});

describe("where it listens", () => {
  test("a port may be any, with a host", () => {
    expect(read({ port: 0 }).port).toBe(0);
    expect(read({ port: 65_535, host: "::1" })).toMatchObject({ port: 65_535, host: "::1" });
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

  test("host and tls are for a port", () => {
    expect(() => read({ host: "127.0.0.1" })).toThrow(/^host: only together with port/);
    expect(() => read({ tls: {} })).toThrow(/^tls: only together with port/);
    expect(() => read({ server: createServer(), tls: {} })).toThrow(/^tls: only together with port/);
  });
});

describe("numbers", () => {
  const sizes = ["maxMessageSize", "maxSendQueue", "highWaterMark", "maxHeaderSize", "fragmentSize"] as const;
  const times = ["handshakeTimeout", "closeTimeout"] as const;

  test.each([...sizes, ...times])("%s is taken as it is given", (name) => {
    expect(read({ [name]: 1 })[name]).toBe(1);
    expect(read({ [name]: 123_456 })[name]).toBe(123_456);
  });

  test.each([...sizes, ...times])("%s of another type is refused and named", (name) => {
    for (const value of ["1", null, {}, true, 5n]) {
      expect(() => read({ [name]: value })).toThrow(InvalidArgumentError);
      expect(() => read({ [name]: value })).toThrow(new RegExp(`^${name}: expected a number, got `));
    }
  });

  test.each([...sizes, ...times])("%s out of range is refused and named", (name) => {
    for (const value of [-1, 0.5, NaN, -Infinity, 2 ** 53]) {
      expect(() => read({ [name]: value })).toThrow(OutOfRangeError);
      expect(() => read({ [name]: value })).toThrow(new RegExp(`^${name}: expected an integer from `));
    }
  });

  test.each(sizes.filter((name) => name !== "maxMessageSize"))("Infinity takes the limit %s away", (name) => {
    expect(read({ [name]: Infinity })[name]).toBe(Infinity);
  });

  test("a message is never larger than a string can be", () => {
    expect(read({ maxMessageSize: constants.MAX_STRING_LENGTH }).maxMessageSize).toBe(constants.MAX_STRING_LENGTH);
    for (const value of [constants.MAX_STRING_LENGTH + 1, Infinity]) {
      expect(() => read({ maxMessageSize: value })).toThrow(OutOfRangeError);
    }
  });

  test.each(times)("%s ends within what a timer can wait for", (name) => {
    expect(read({ [name]: 2 ** 31 - 1 })[name]).toBe(2 ** 31 - 1);
    for (const value of [0, 2 ** 31, Infinity]) expect(() => read({ [name]: value })).toThrow(OutOfRangeError);
  });

  test("only the high-water mark may be zero", () => {
    expect(read({ highWaterMark: 0 }).highWaterMark).toBe(0);
    for (const name of sizes.filter((one) => one !== "highWaterMark")) {
      expect(() => read({ [name]: 0 })).toThrow(OutOfRangeError);
    }
  });
});

describe("origins", () => {
  test("a wrong list is refused and named", () => {
    for (const origins of [5, null, "https://example.com", [5], ["example.com"]]) {
      expect(() => read({ origins })).toThrow(/^origins: expected /);
    }
  });
});
