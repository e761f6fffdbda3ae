import { expect, test } from "vitest";
import { browserErrorEvent } from "../../../src/client/browser/error-event.ts";
import { errorEvent } from "../../../src/connection/dispatch/events.ts";
import { HawserError } from "../../../src/errors/errors.ts";

const circle = new Error("a circle");
circle.cause = circle;

class Silent extends Error {
  override get message(): string {
    throw new Error("from a getter");
  }
  override get cause(): unknown {
    throw new Error("from a getter");
  }
}

test.each([
  ["an error", new Error("mine")],
  ["an error without a message", new TypeError()],
  ["an error with causes", new Error("a", { cause: new HawserError("HWS_PEER_SILENT", undefined, { cause: "b" }) })],
  ["an error whose cause is null", new Error("a", { cause: null })],
  ["the library's error", new HawserError("HWS_STREAM_ENDED")],
  ["a circle of causes", circle],
  ["a text", "thrown"],
  ["undefined", undefined],
  ["a number", 7],
])("%s is told as on Node", (_what, error) => {
  for (const source of ["handler", "library"] as const)
    expect(browserErrorEvent(error, source)).toEqual(errorEvent(error, source));
});

test.each([
  ["an object without a text", Object.create(null) as unknown],
  ["an error whose getters throw", new Silent()],
  [
    "a Proxy that throws",
    new Proxy(
      {},
      {
        getPrototypeOf() {
          throw new Error("from a trap");
        },
      },
    ),
  ],
])("nothing that %s does throws", (_what, error) => {
  const { errors } = browserErrorEvent(error, "handler");
  expect(errors).toHaveLength(1);
  expect(errors[0].cause).toBe(error);
  expect(errors[0].message).not.toBe("");
});

test("a long text is cut", () => {
  expect(browserErrorEvent("x".repeat(1_000_000), "handler").errors[0].message.length).toBeLessThan(2_000);
});
