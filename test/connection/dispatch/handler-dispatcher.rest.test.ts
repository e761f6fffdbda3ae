import { describe, expect, test } from "vitest";
import { HandlerDispatcher, type DispatcherHost } from "../../../src/connection/dispatch/handler-dispatcher.ts";
import type { RateLimiter } from "../../../src/connection/receiving/rate-limiter.ts";
import { HawserError } from "../../../src/errors/errors.ts";
import { gate } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

const TERMINATE = { type: "terminate", code: 1000, reason: undefined } as const;

/** A caller of a handler that writes down its calls. `rests`: what the host says, one after the other; then undefined. */
function rig(rests: (Promise<void> | undefined)[]) {
  const log: string[] = [];
  const host: DispatcherHost = {
    publicConnection: {},
    onHandlerFailed: () => log.push("failed"),
    reportError: (_error, culprit) => log.push(`report ${culprit}`),
    onHandlerIdle: () => log.push("settled"),
  };
  const limiter: Pick<RateLimiter, "messageDelay"> = {
    messageDelay: () => {
      log.push("asked");
      return rests.shift();
    },
  };
  const caller = new HandlerDispatcher(
    {
      onOpen: () => void log.push("open"),
      onMessage: (_face, event) => {
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
  return { caller, log };
}

describe("a message", () => {
  test("is delivered at once where the host wants no rest", () => {
    const { caller, log } = rig([]);
    caller.dispatchMessage("a");
    caller.dispatchMessage("b");
    expect(log.filter((line) => line !== "settled")).toEqual(["asked", "a", "asked", "b"]);
  });

  test("waits for the rest, and the host is asked again before it comes", async () => {
    const [first, second] = [gate(), gate()];
    const { caller, log } = rig([first.promise, second.promise]);
    caller.dispatchMessage("a");
    caller.dispatchMessage("b");
    expect([log, caller.isBusy, caller.queuedCount]).toEqual([["asked"], true, 2]);
    first.open();
    await turns();
    expect([log, caller.queuedCount]).toEqual([["asked", "asked"], 2]);
    second.open();
    await turns();
    expect(log).toEqual(["asked", "asked", "asked", "a", "asked", "b", "settled"]);
    expect([caller.isBusy, caller.queuedCount]).toEqual([false, 0]);
  });

  test("that waits for a callback is asked about when its turn comes", async () => {
    const work = gate();
    const { promise, open } = gate();
    const { caller, log } = rig([undefined, promise]);
    caller.dispatchMessage(() => work.promise);
    caller.dispatchMessage("behind");
    expect(log).toEqual(["asked", "call"]);
    work.open();
    await turns();
    expect(log).toEqual(["asked", "call", "asked"]);
    open();
    await turns();
    expect(log).toEqual(["asked", "call", "asked", "asked", "behind", "settled"]);
  });

  test("that rests is not delivered to who has become deaf", async () => {
    const { promise, open } = gate();
    const { caller, log } = rig([promise]);
    caller.dispatchMessage("a");
    caller.stopDelivery();
    open();
    await turns();
    expect(log).toEqual(["asked", "asked", "settled"]);
  });
});

describe("what is no message", () => {
  test("is not asked about: onOpen, onDrain, onError and onTerminate", () => {
    const { caller, log } = rig([]);
    caller.dispatchOpen();
    caller.dispatchDrain();
    caller.dispatchError(new HawserError("HWS_SEND_QUEUE_FULL"));
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    expect(log.filter((line) => line !== "settled")).toEqual(["open", "drain", "error", "terminate", "over"]);
  });

  test("keeps its place behind a message that rests", async () => {
    const { promise, open } = gate();
    const { caller, log } = rig([promise]);
    caller.dispatchMessage("a");
    caller.dispatchDrain();
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    await turns();
    expect(log).toEqual(["asked"]);
    open();
    await turns();
    expect(log).toEqual(["asked", "asked", "a", "drain", "terminate", "over", "settled"]);
  });
});

describe("a caller that is forced while a message rests", () => {
  test("delivers it once the host wants no rest, and tells the end", async () => {
    const { promise, open } = gate();
    const { caller, log } = rig([promise]);
    caller.dispatchMessage("a");
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    caller.stopWaiting();
    const all = ["asked", "asked", "a", "terminate", "over"];
    expect(log.filter((line) => line !== "settled")).toEqual(all);
    open();
    await turns();
    expect(log.filter((line) => line !== "settled")).toEqual(all);
  });

  test("waits where the host still wants one, and goes on when it is forced again", () => {
    const { caller, log } = rig([gate().promise, gate().promise]);
    caller.dispatchMessage("a");
    caller.dispatchTerminate(TERMINATE, () => log.push("over"));
    caller.stopWaiting();
    expect([log, caller.isBusy]).toEqual([["asked", "asked"], true]);
    caller.stopWaiting();
    expect(log.filter((line) => line !== "settled")).toEqual(["asked", "asked", "asked", "a", "terminate", "over"]);
    expect(caller.isBusy).toBe(false);
  });
});
