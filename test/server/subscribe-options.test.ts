import { expect, test } from "vitest";
import { readSubscribeOptions } from "../../src/server/subscribe-options.ts";

test.each([
  [undefined, { since: undefined, last: 0, isFramed: false }],
  [{}, { since: undefined, last: 0, isFramed: false }],
  [
    { since: "x", last: 7, framing: "header" },
    { since: "x", last: 7, isFramed: true },
  ],
  [
    { since: null, framing: "none" },
    { since: undefined, last: 0, isFramed: false },
  ],
  // What a client has sent may be anything: it is no position.
  [{ since: { a: 1 } }, { since: "", last: 0, isFramed: false }],
])("%o", (options, read) => {
  expect(readSubscribeOptions(options)).toEqual(read);
});

test.each([
  [null, "subscribe: options: expected an object"],
  [{ precense: {} }, 'subscribe: there is no option "precense": did you mean presence?'],
  [{ presence: true }, "subscribe: presence: expected an object with id"],
  [{ framing: true }, 'subscribe: framing: expected "none" or "header"'],
  [{ last: Infinity }, "subscribe: last: expected an integer from 0 on, got Infinity"],
])("%o is refused", (options, text) => {
  expect(() => readSubscribeOptions(options)).toThrow(text);
});
