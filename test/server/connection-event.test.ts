import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { OutOfRangeError } from "../../src/errors/errors.ts";
import { WSConnectionEvent, settleEvent } from "../../src/server/connection-event.ts";
import { connectionRequest } from "../support/connection-request.ts";

const REQUEST = connectionRequest();

function offer(protocols: readonly string[]): ConstructorParameters<typeof WSConnectionEvent>[0] {
  return { request: REQUEST, protocols, stream: new PassThrough() };
}

describe("the event of onConnection", () => {
  // shows 4D-1-handler-connection
  test("it has its type, the request and the subprotocols on offer", () => {
    const event = new WSConnectionEvent(offer(["b", "a"]));
    expect(event.type).toBe("connection");
    expect(event.request).toBe(REQUEST);
    expect(event.protocols).toEqual(["b", "a"]);
  });

  test("no subprotocol is chosen by default, and a choice can be changed or undone", () => {
    const event = new WSConnectionEvent(offer(["b", "a"]));
    expect(event.protocol).toBeUndefined();
    event.protocol = "a";
    expect(event.protocol).toBe("a");
    event.protocol = "b";
    expect(event.protocol).toBe("b");
    event.protocol = undefined;
    expect(event.protocol).toBeUndefined();
  });

  test.each([["c"], ["A"], [""], [" a"], [null], [0], [["a"]]])(
    "the choice %j, which is not on offer, is refused",
    (choice) => {
      const event = new WSConnectionEvent(offer(["b", "a"]));
      event.protocol = "a";
      const call = (): void => {
        event.protocol = choice as string;
      };
      expect(call).toThrow(OutOfRangeError);
      expect(call).toThrow(/^protocol: expected one that the client offered \(b, a\), got /);
      expect(event.protocol).toBe("a");
    },
  );

  test("where nothing is on offer the error says so", () => {
    const event = new WSConnectionEvent(offer([]));
    expect(() => {
      event.protocol = "a";
    }).toThrow("(none)");
  });

  test("names of Object.prototype are not offered by default", () => {
    const event = new WSConnectionEvent(offer([]));
    expect(() => {
      event.protocol = "constructor";
    }).toThrow(OutOfRangeError);
  });
});

describe("its signal", () => {
  test("is made once, when it is asked for: before that nothing listens to the stream", () => {
    const shown = offer([]);
    const event = new WSConnectionEvent(shown);
    expect(shown.stream.listenerCount("close")).toBe(0);
    const { signal } = event;
    expect([event.signal === signal, signal.aborted]).toEqual([true, false]);
    expect(shown.stream.listenerCount("close")).toBe(1);
  });

  test("aborts when it is settled by somebody else, also for who asks for it only then", () => {
    const [asked, askedLater] = [new WSConnectionEvent(offer([])), new WSConnectionEvent(offer([]))];
    const { signal } = asked;
    const [first, second] = [asked, askedLater].map((event) => settleEvent(event, true));
    expect([first?.signalIfAsked === signal, second?.signalIfAsked]).toEqual([true, undefined]);
    expect([signal.aborted, askedLater.signal.aborted]).toEqual([true, true]);
  });

  test("does not abort after its own answer, and listens to the stream no more", async () => {
    for (const asksLater of [false, true]) {
      const shown = offer([]);
      const event = new WSConnectionEvent(shown);
      if (!asksLater) expect(event.signal.aborted).toBe(false);
      expect(settleEvent(event, false)?.signal).toBe(asksLater ? undefined : event.signal);
      expect(event.signal.aborted).toBe(false);
      expect(shown.stream.listenerCount("close")).toBe(0);
    }
  });
});
