import { describe, expect, test } from "vitest";
import type { DispatcherOwner } from "../../../src/connection/dispatch/dispatcher-owner.ts";
import { HandlerDispatcher } from "../../../src/connection/dispatch/handler-dispatcher.ts";
import type { RateLimiter } from "../../../src/connection/receiving/rate-limiter.ts";
import { HawserError } from "../../../src/errors/errors.ts";
import { deferred } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

const TERMINATE = { type: "terminate", code: 1000, reason: undefined, initiator: "peer", cause: undefined } as const;

/** A dispatcher with a handler that records its calls. `delays`: the rate limiter's delays, one after the other; then undefined. */
function rig(delays: (Promise<void> | undefined)[]) {
  const log: string[] = [];
  const host: DispatcherOwner = {
    publicConnection: {},
    status: "Connected",
    settings: { decode: { parse: undefined }, closeTimeout: 60_000, taskCounters: { unfinished: 0 } },
    onUndecodable: () => undefined,
    onHandlerFailed: () => log.push("failed"),
    reportError: (_error, source) => log.push(`report ${source}`),
    readFlow: { onHandlerIdle: () => void log.push("settled"), isFull: false, noteDelivered: () => undefined },
  };
  const limiter: Pick<RateLimiter, "messageDelay"> = {
    messageDelay: () => {
      log.push("asked");
      return delays.shift();
    },
  };
  const dispatcher = new HandlerDispatcher(
    {
      onOpen: () => void log.push("open"),
      onMessage: (_ws, event) => {
        const { data } = event as { data: unknown };
        log.push(typeof data === "string" ? data : "call");
        return typeof data === "function" ? (data as () => unknown)() : undefined;
      },
      onDrain: () => void log.push("drain"),
      onError: () => void log.push("error"),
      onTerminate: () => void log.push("terminate"),
    },
    host,
    limiter as RateLimiter,
  );
  return { dispatcher, log };
}

describe("a message", () => {
  test("is delivered at once when there is no rate delay", () => {
    const { dispatcher, log } = rig([]);
    dispatcher.dispatchMessage("a");
    dispatcher.dispatchMessage("b");
    expect(log.filter((line) => line !== "settled")).toEqual(["asked", "a", "asked", "b"]);
  });

  test("waits for the rate delay, and the host is asked again before delivery", async () => {
    const [first, second] = [deferred(), deferred()];
    const { dispatcher, log } = rig([first.promise, second.promise]);
    dispatcher.dispatchMessage("a");
    dispatcher.dispatchMessage("b");
    expect([log, dispatcher.isBusy, dispatcher.queuedCount]).toEqual([["asked"], true, 2]);
    first.resolve();
    await turns();
    expect([log, dispatcher.queuedCount]).toEqual([["asked", "asked"], 2]);
    second.resolve();
    await turns();
    expect(log).toEqual(["asked", "asked", "asked", "a", "asked", "b", "settled"]);
    expect([dispatcher.isBusy, dispatcher.queuedCount]).toEqual([false, 0]);
  });

  test("that waits for a callback has its rate delay read when its turn comes", async () => {
    const work = deferred();
    const { promise, resolve } = deferred();
    const { dispatcher, log } = rig([undefined, promise]);
    dispatcher.dispatchMessage(() => work.promise);
    dispatcher.dispatchMessage("after");
    expect(log).toEqual(["asked", "call"]);
    work.resolve();
    await turns();
    expect(log).toEqual(["asked", "call", "asked"]);
    resolve();
    await turns();
    expect(log).toEqual(["asked", "call", "asked", "asked", "after", "settled"]);
  });

  test("that waits for its rate delay is not delivered after delivery was stopped", async () => {
    const { promise, resolve } = deferred();
    const { dispatcher, log } = rig([promise]);
    dispatcher.dispatchMessage("a");
    dispatcher.stopDelivery();
    resolve();
    await turns();
    expect(log).toEqual(["asked", "asked", "settled"]);
  });
});

describe("a callback other than onMessage", () => {
  test("has no rate delay: onOpen, onDrain, onError and onTerminate", () => {
    const { dispatcher, log } = rig([]);
    dispatcher.dispatchOpen();
    dispatcher.dispatchDrain();
    dispatcher.dispatchError(new HawserError("HWS_SEND_QUEUE_FULL"));
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    expect(log.filter((line) => line !== "settled")).toEqual(["open", "drain", "error", "terminate", "over"]);
  });

  test("keeps its place after a message that waits for its rate delay", async () => {
    const { promise, resolve } = deferred();
    const { dispatcher, log } = rig([promise]);
    dispatcher.dispatchMessage("a");
    dispatcher.dispatchDrain();
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log).toEqual(["asked"]);
    resolve();
    await turns();
    expect(log).toEqual(["asked", "asked", "a", "drain", "terminate", "over", "settled"]);
  });
});

describe("a dispatcher that is forced while a message waits for its rate delay", () => {
  test("delivers it without a delay, and calls onTerminate", async () => {
    const { promise, resolve } = deferred();
    const { dispatcher, log } = rig([promise, deferred().promise]);
    dispatcher.dispatchMessage("a");
    dispatcher.dispatchTerminate(TERMINATE, () => log.push("over"));
    dispatcher.stopWaiting();
    const all = ["asked", "a", "terminate", "over"];
    expect(log.filter((line) => line !== "settled")).toEqual(all);
    expect(dispatcher.isBusy).toBe(false);
    resolve();
    await turns();
    expect(log.filter((line) => line !== "settled")).toEqual(all);
  });
});
