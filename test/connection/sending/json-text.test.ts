import { EventEmitter } from "node:events";
import vm from "node:vm";
import { expect, test } from "vitest";
import { InvalidArgumentError } from "../../../src/errors/errors.ts";
import { jsonText } from "../../../src/connection/sending/json-text.ts";

class Channel {
  readonly name = "general";
  readonly #members = 5;
  get size(): number {
    return this.#members;
  }
}

class Empty {
  greet(): string {
    return "hello";
  }
}

/** A class that says what its instances are, as those of the platform do. */
class Tagged {
  readonly [Symbol.toStringTag] = "Tagged";
  readonly a = 1;
}

class Private extends Channel {
  readonly key = "x";
}

// shows 4D-3-send-object
test.each<readonly [string, object]>([
  ["an instance of a class", new Channel()],
  ["an instance of a class that extends it", new Private()],
  ["an instance of a class without a name", new (class extends Channel {})()],
  ["an instance of a class without fields", new Empty()],
  ["an instance of a class of another realm", vm.runInNewContext("new (class { a = 1 })()") as object],
  [
    "an instance of a function",
    new (
      function (this: { a: number }) {
        this.a = 1;
      } as unknown as new () => object
    )(),
  ],
  ["a list of a class", new (class List extends Array<number> {})(1, 2)],
  ["an object that inherits from another", Object.assign(Object.create({ a: 1 }) as object, { b: 2 })],
  ["an instance of a class that extends EventEmitter", Object.assign(new (class extends EventEmitter {})(), { a: 1 })],
  ["an instance with a toJSON that is no function", Object.assign(new Channel(), { toJSON: "x" })],
  ["an instance with a tag", new Tagged()],
  ["a Map with toJSON", Object.assign(new Map([[1, 2]]), { toJSON: () => "map" })],
])("%s is sent as exactly what JSON.stringify gives", (_what, message) => {
  for (let i = 0; i < 2; i++) expect(jsonText(message)).toBe(JSON.stringify(message));
});

// shows 4D-3-send-type-error
test.each<readonly [string, object, string]>([
  ["a Map", new Map([[1, 2]]), "an instance of Map"],
  ["a Set", new Set([1]), "an instance of Set"],
  ["a WeakMap", new WeakMap(), "an instance of WeakMap"],
  ["a WeakSet", new WeakSet(), "an instance of WeakSet"],
  ["a WeakRef", new WeakRef({}), "an instance of WeakRef"],
  ["a Promise", Promise.resolve("x"), "an instance of Promise: await it first"],
  [
    "a query that is awaited",
    new (class Query {
      then(): void {}
    })(),
    "an instance of Query: await it first",
  ],
  ["an Error", new RangeError("x"), "an instance of RangeError"],
  [
    "an error of a class",
    new (class Refused extends Error {
      readonly code = 5;
    })(),
    "an instance of Refused",
  ],
  ["a DOMException", new DOMException("x"), "an instance of DOMException"],
  ["a RegExp", /x/, "an instance of RegExp"],
  ["a String object", new String("x"), "an instance of String"],
  ["a Number object", new Number(5), "an instance of Number"],
  ["a Boolean object", new Boolean(true), "an instance of Boolean"],
  ["a Symbol object", Object(Symbol("x")) as object, "an instance of Symbol"],
  [
    "a Map of a class, with fields",
    Object.assign(new (class Players extends Map {})(), { a: 1 }),
    "an instance of Players",
  ],
  ["a Map of another realm", vm.runInNewContext("new Map()") as object, "an instance of Map"],
  ["a Proxy of a Map", new Proxy(new Map(), {}), "an instance of Map"],
  ["an iterator", new Map().entries(), "got an"],
  [
    "a generator",
    (function* () {
      yield 1;
    })(),
    "an object of a class",
  ],
  ["URLSearchParams", new URLSearchParams("a=1"), "an instance of URLSearchParams"],
  ["Headers", new Headers({ a: "1" }), "an instance of Headers"],
  ["an AbortSignal", new AbortController().signal, "an instance of AbortSignal"],
])("%s, of which JSON holds nothing, is a TypeError", (_what, message, said) => {
  for (let i = 0; i < 2; i++) {
    expect(() => jsonText(message)).toThrow(InvalidArgumentError);
    expect(() => jsonText(message)).toThrow(said);
    expect(() => jsonText(message)).toThrow(/^message: expected a string, bytes/);
  }
});
