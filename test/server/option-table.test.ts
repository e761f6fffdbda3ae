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
