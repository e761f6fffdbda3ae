import type { WSConnectionEvent, WebSocketConnection } from "hawser";
import { describe, expectTypeOf, test } from "vitest";

declare const ws: WebSocketConnection;
declare const event: WSConnectionEvent;

describe("work that takes long", () => {
  test("both signals are AbortSignals, and read-only", () => {
    expectTypeOf(event.signal).toEqualTypeOf<AbortSignal>();
    expectTypeOf(ws.signal).toEqualTypeOf<AbortSignal>();
    // @ts-expect-error: only the library makes it
    event.signal = new AbortController().signal;
  });

  test("waitUntil takes a promise, or a function that gets the signal and returns one", () => {
    expectTypeOf(ws.waitUntil(Promise.resolve(5))).toEqualTypeOf<boolean>();
    ws.waitUntil(async (signal) => {
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    });
    ws.waitUntil((signal) => fetch("https://example.com/", { signal }));
    // @ts-expect-error: a forgotten return: nothing is supervised
    ws.waitUntil((signal) => void fetch("https://example.com/", { signal }));
    // @ts-expect-error: a value is no work
    ws.waitUntil(5);
  });
});
