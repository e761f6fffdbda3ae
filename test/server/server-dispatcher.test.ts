import { PassThrough } from "node:stream";
import { type WSErrorEvent, WebSocketServer, type WSHandler } from "hawser";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WSConnectionEvent } from "../../src/server/connection-event.ts";
import { ServerDispatcher } from "../../src/server/server-dispatcher.ts";
import { turn } from "../support/peer.ts";
import { connectionRequest } from "../support/connection-request.ts";

const WSS = new WebSocketServer({ onConnection: () => null });
const EVENT = new WSConnectionEvent({
  request: connectionRequest({ remoteAddress: "" }),
  protocols: [],
  stream: new PassThrough(),
});

interface Warning {
  readonly message: string;
  readonly options: { readonly type: string; readonly code: string; readonly detail: string };
}

let warnings: Warning[] = [];

beforeEach(() => {
  warnings = [];
  vi.spyOn(process, "emitWarning").mockImplementation(((message: string, options: Warning["options"]) => {
    warnings.push({ message, options });
  }) as typeof process.emitWarning);
});

afterEach(() => {
  vi.restoreAllMocks();
});

function dispatcherOf(callbacks: Partial<WSHandler> & Record<string, unknown> = {}): ServerDispatcher {
  return new ServerDispatcher({ onConnection: () => null, ...callbacks }, WSS);
}

function broken(text: string): () => never {
  return () => {
    throw new Error(text);
  };
}

/** An onError that records the messages. */
function listening(): { heard: string[]; onError: (wss: WebSocketServer, event: WSErrorEvent) => void } {
  const heard: string[] = [];
  return { heard, onError: (_wss, event) => void heard.push(event.errors.map(({ message }) => message).join(" < ")) };
}

describe("calling a server's handler", () => {
  // shows 4D-1-handler-this
  test("each callback is a method of the handler, with the server and its event", () => {
    const seen: unknown[][] = [];
    const note = function (this: unknown, ...given: unknown[]): void {
      seen.push([this, ...given]);
    };
    const handler = { onConnection: note, onOpen: note, onTerminate: note, onError: note } as unknown as WSHandler;
    const calls = new ServerDispatcher(handler, WSS);
    calls.dispatchOpen();
    calls.callOnConnection(EVENT);
    calls.dispatchError(new Error("x"), "handler", true);
    calls.dispatchTerminate();
    expect(seen.map(([self, wss]) => self === handler && wss === WSS)).toEqual([true, true, true, true]);
    expect(seen.map(([, , event]) => (event as { type: string }).type)).toEqual([
      "open",
      "connection",
      "error",
      "terminate",
    ]);
    expect(seen[1]?.[2]).toBe(EVENT);
  });

  test("the result or exception of onConnection goes to the caller", () => {
    const answer = { onMessage: () => {} };
    expect(dispatcherOf({ onConnection: () => answer }).callOnConnection(EVENT)).toBe(answer);
    expect(() => dispatcherOf({ onConnection: broken("mine") }).callOnConnection(EVENT)).toThrow("mine");
    expect(warnings).toEqual([]);
  });

  test("missing callbacks are allowed", () => {
    const calls = dispatcherOf();
    calls.dispatchOpen();
    calls.dispatchTerminate();
    expect(warnings).toEqual([]);
  });

  test("a callback that is added later is called", () => {
    const { heard, onError } = listening();
    const handler = { onConnection: () => null } as WSHandler;
    const calls = new ServerDispatcher(handler, WSS);
    handler.onError = onError;
    calls.dispatchError(new Error("x"), "handler", true);
    expect(heard).toEqual(["x"]);
  });
});

describe("the event of onError", () => {
  // shows 4D-1-handler-error, 4D-2-errors
  test("has the error and its causes, newest first, each with its number and component", () => {
    const events: WSErrorEvent[] = [];
    const calls = dispatcherOf({ onError: (_wss: unknown, event: WSErrorEvent) => void events.push(event) });
    const inner = Object.assign(new Error("no space"), { errno: -28, code: "ENOSPC" });
    const outer = new Error("cannot save", { cause: inner });
    calls.dispatchError(outer, "handler", true);
    calls.dispatchError(inner, "library", true);
    expect(events).toEqual([
      {
        type: "error",
        errors: [
          { errCode: 301, message: "cannot save", componentSignature: "hwhd", cause: outer },
          { errCode: 301, message: "no space", componentSignature: "hwhd", cause: inner },
        ],
      },
      { type: "error", errors: [{ errCode: 28, message: "no space", componentSignature: "syst", cause: inner }] },
    ]);
  });

  test("an exception or a rejection in onOpen and in onTerminate", async () => {
    const { heard, onError } = listening();
    const calls = dispatcherOf({
      onOpen: broken("open"),
      onTerminate: async () => {
        await turn();
        throw new Error("terminate");
      },
      onError,
    });
    calls.dispatchOpen();
    expect(heard).toEqual(["open"]);
    calls.dispatchTerminate();
    await turn();
    await turn();
    // `onTerminate` is the handler's last call, also when it fails itself.
    expect(heard).toEqual(["open"]);
    expect(warnings.map(({ message }) => message)).toEqual(["An error that no onError handled: terminate"]);
  });
});

describe("an error without an onError", () => {
  // shows 4D-2-throws-warning
  test("is a warning of the process, once a minute for each text and for some twenty", () => {
    const first = dispatcherOf();
    for (const text of ["one", "two", "one"]) first.dispatchError(new Error(text), "handler", true);
    dispatcherOf().dispatchError(new Error("one"), "handler", true);
    expect(warnings.map(({ message }) => message.split(": ")[1])).toEqual(["one", "two", "one"]);
    for (let i = 0; i < 50; i++) first.dispatchError(new Error(String(i)), "handler", true);
    expect(warnings.length).toBe(22);
    expect(warnings[0]?.options).toMatchObject({ type: "HawserWarning", code: "HWS_UNHEARD" });
    expect(warnings[0]?.options.detail).toContain("server-dispatcher.test.ts");
  });

  test("is no warning when the peer caused it, and does not count for the limit", () => {
    const calls = dispatcherOf();
    calls.dispatchError(new Error("a peer's"), "library", false);
    expect(warnings).toEqual([]);
    calls.dispatchError(new Error("mine"), "handler", true);
    expect(warnings).toHaveLength(1);
  });

  test("may be an exception in onOpen", () => {
    dispatcherOf({ onOpen: broken("mine") }).dispatchOpen();
    expect(warnings).toHaveLength(1);
  });

  test("may be an exception or a rejection in onError itself, which is not called again", async () => {
    let calls = 0;
    const throwing = dispatcherOf({
      onError: () => {
        calls++;
        throw new Error("again");
      },
    });
    throwing.dispatchError(new Error("first"), "handler", true);
    const rejecting = dispatcherOf({
      onError: async () => {
        calls++;
        await turn();
        throw new Error("later");
      },
    });
    rejecting.dispatchError(new Error("first"), "handler", true);
    await turn();
    await turn();
    expect(calls).toBe(2);
    expect(warnings.map(({ message }) => message.split(": ")[1])).toEqual(["again", "later"]);
  });

  test.each([[undefined], [null], [5], ["text"], [Object.create(null)], [Symbol("x")]])(
    "even %s can be thrown",
    (thrown: unknown) => {
      dispatcherOf().dispatchError(thrown, "handler", true);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]?.options.detail).toBe("");
    },
  );

  test("shows a thrown object, and passes it on whole", () => {
    const thrown = { code: 5 };
    dispatcherOf().dispatchError(thrown, "handler", true);
    expect(warnings.map(({ message }) => message)).toEqual(["An error that no onError handled: { code: 5 }"]);
    const events: WSErrorEvent[] = [];
    const calls = dispatcherOf({ onError: (_wss: unknown, event: WSErrorEvent) => void events.push(event) });
    calls.dispatchError(thrown, "handler", true);
    expect(events[0]?.errors[0].message).toBe("{ code: 5 }");
    expect(events[0]?.errors[0].cause).toBe(thrown);
  });

  test("an error without a stack can be thrown too", () => {
    dispatcherOf().dispatchError(Object.assign(new Error("bare"), { stack: undefined }), "handler", true);
    expect(warnings).toMatchObject([{ message: expect.stringMatching(/: bare$/) as string, options: { detail: "" } }]);
  });

  test("a handler whose onError cannot be read counts as one without", () => {
    const handler = {
      onConnection: () => null,
      get onError(): never {
        throw new Error("unreadable");
      },
    };
    expect(() => {
      new ServerDispatcher(handler, WSS).dispatchError(new Error("first"), "handler", true);
    }).not.toThrow();
    expect(warnings.map(({ message }) => message.split(": ")[1])).toEqual(["first"]);
  });
});
