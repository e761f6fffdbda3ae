import { createServer as createTcpServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors/errors.ts";
import { numberOptions } from "../../src/server/number-options.ts";
import { readOptionTable } from "../../src/server/option-table.ts";

describe("the table of options", () => {
  test("its defaults are those of the numbers, and no web server", () => {
    const values = readOptionTable({});
    for (const [name, range] of Object.entries(numberOptions)) expect(values).toHaveProperty(name, range.default);
    expect(values).toMatchObject({ dataType: "text", server: undefined, port: undefined, path: undefined });
  });

  test("a value is read by its own check", () => {
    expect(readOptionTable({ ratePolicy: "close", port: 0, closeBatchSize: 7 })).toMatchObject({
      ratePolicy: "close",
      port: 0,
      closeBatchSize: 7,
    });
    expect(() => readOptionTable({ ratePolicy: "wait" })).toThrow(
      'ratePolicy: expected one of "pause", "close", got "wait"',
    );
    expect(() => readOptionTable({ port: 65_536 })).toThrow("port: expected an integer from 0 to 65535, got 65536");
  });

  test.each(["closeBatchInterval", "toString", "__proto__"])("an option %s does not exist", (name) => {
    const options = JSON.parse(`{ ${JSON.stringify(name)}: 1 }`) as object;
    expect(() => readOptionTable(options)).toThrow(InvalidArgumentError);
    expect(() => readOptionTable(options)).toThrow(`options: there is no option ${JSON.stringify(name)}`);
  });
});

test.each([
  ["net", createTcpServer()],
  ["tls", createTlsServer()],
])("a %s.Server, which reads no requests, is refused, and the error says so", (_which, server) => {
  expect(() => readOptionTable({ server })).toThrow(/^server: [^]*got a net.Server or tls.Server$/);
});

test.each(["/chät", "/😀"])("the path %s, which no request can have, is refused with the one that it can", (path) => {
  expect(() => readOptionTable({ path })).toThrow(`path: expected ASCII characters, e.g. "${encodeURI(path)}"`);
});
