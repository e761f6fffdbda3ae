import vm from "node:vm";
import { expect, test } from "vitest";
import { InvalidArgumentError } from "../../../src/errors/errors.ts";
import { jsonText } from "../../../src/connection/sending/json-text.ts";
import { plainJsonText } from "../../../src/connection/sending/plain-json-text.ts";

class Channel {
  readonly name = "general";
}

test.each<readonly [string, object]>([
  ["an object", { a: 1, b: ["x"] }],
  ["an empty object", {}],
  ["an array", [1, { a: undefined }]],
  ["an object with toJSON", { toJSON: () => "x" }],
  ["an object with a tag", { [Symbol.toStringTag]: "Tagged" }],
  ["an object with then", { then: () => undefined }],
])("%s needs no other check", (_what, message) => {
  expect(plainJsonText(message)).toBe(JSON.stringify(message));
  expect(jsonText(message)).toBe(JSON.stringify(message));
});

test.each<readonly [string, unknown]>([
  ["an instance of a class", new Channel()],
  ["a list of a class", new (class List extends Array<number> {})(1, 2)],
  ["an object of another realm", vm.runInNewContext("({ a: 1 })")],
  ["an object without a prototype", Object.create(null)],
  ["a Map", new Map()],
  ["a Buffer", Buffer.of(1)],
  ["a Proxy of a Buffer", new Proxy(Buffer.of(1), {})],
  ["a Blob", new Blob(["x"])],
  ["a view whose prototype was replaced", Object.setPrototypeOf(new Uint8Array(1), Object.prototype)],
  ["memory whose prototype was replaced", Object.setPrototypeOf(new ArrayBuffer(1), Object.prototype)],
  ["shared memory whose prototype was replaced", Object.setPrototypeOf(new SharedArrayBuffer(1), Array.prototype)],
  ["a stream without a class", { [Symbol.asyncIterator]: () => undefined }],
  ["null", null],
  ["a string", "x"],
  ["a function", (): void => undefined],
])("%s needs the checks of jsonText, or is no object for JSON", (_what, message) => {
  expect(plainJsonText(message)).toBeUndefined();
});

test("An object or array of which JSON holds nothing is a TypeError", () => {
  for (const message of [{ toJSON: () => undefined }, Object.assign([], { toJSON: () => undefined })]) {
    expect(() => plainJsonText(message)).toThrow(InvalidArgumentError);
    expect(() => jsonText(message)).toThrow("message: toJSON returned nothing that JSON can hold");
  }
});
