import { expect, test } from "vitest";
import { LinkEvents } from "../../src/client/link-events.ts";
import type { WSMessageStartEvent } from "../../src/connection/dispatch/message-start.ts";
import { causeChain } from "../../src/connection/dispatch/causes.ts";
import { HawserError } from "../../src/errors/errors.ts";
import { errorEvent } from "../../src/connection/dispatch/events.ts";

const start = { type: "messagestart" } as unknown as WSMessageStartEvent;
const message = { type: "message", data: "a" } as const;
const cut = new HawserError("HWS_MESSAGE_CUT");
const failure = errorEvent(new Error("failed"), "handler");

function rig(onMessage: () => unknown, called: Promise<boolean> = Promise.resolve(true)) {
  const calls: string[] = [];
  const owner = {
    onLinkOpen: async (events: LinkEvents): Promise<void> => {
      await events.called;
    },
    onLinkEvent: ({ type }: { readonly type: string }): unknown => {
      calls.push(type);
      return onMessage();
    },
    onLinkFailed: () => void calls.push("failed"),
    onLinkClosed: () => void calls.push("closed"),
  };
  return { events: new LinkEvents(owner, called), calls };
}

test("a connection that was dropped delivers nothing more, but its end is told", () => {
  const { events, calls } = rig(() => undefined);
  events.onMessage(message);
  expect(events.drop()).toBeUndefined();
  events.onMessage(message);
  events.onDrain({ type: "drain" });
  events.onFailed(failure);
  events.onClosed({ code: 1000, reason: undefined, initiator: "local", cause: undefined });
  expect(calls).toEqual(["message", "closed"]);
});

test("drop settles as the callback that runs: who drops the connection tells it", async () => {
  let reject: (error: Error) => void = () => undefined;
  const { events, calls } = rig(() => new Promise((_resolve, no) => (reject = no)));
  const running = events.onMessage(message) as Promise<unknown>;
  const dropped = events.drop();
  reject(new Error("handler"));
  await expect(running).rejects.toThrow("handler");
  await expect(dropped).rejects.toThrow("handler");
  events.onFailed(failure);
  expect([calls, events.failure]).toEqual([["message"], failure]);
});

test.each<[string, Error, boolean]>([
  ["what its stream has told is no failure", new Error("mine", { cause: new Error("between", { cause: cut }) }), false],
  ["what another stream has told is one", new HawserError("HWS_MESSAGE_CUT"), true],
])("a callback that fails after its connection was dropped: %s", async (_what, error, isFailure) => {
  let reject: (error: Error) => void = () => undefined;
  const { events } = rig(() => new Promise((_resolve, no) => (reject = no)));
  const isOfStream = (one: unknown): boolean => causeChain(one).includes(cut);
  const running = events.onMessageStart(start, isOfStream) as Promise<unknown>;
  const dropped = Promise.resolve(events.drop()).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  reject(error);
  await expect(running).rejects.toBe(error);
  expect(await dropped).toBe(isFailure ? error : undefined);
});

test("what a callback returns is passed on: a stream to write to", () => {
  const writable = new WritableStream();
  const { events } = rig(() => writable);
  expect(events.onMessageStart(start, () => false)).toBe(writable);
});

test("drop in a callback settles as that callback, if it throws too", async () => {
  let dropped: PromiseLike<unknown> | undefined;
  const { events } = rig(() => {
    dropped = events.drop();
    throw new Error("handler");
  });
  expect(() => events.onMessage(message)).toThrow("handler");
  await expect(dropped).rejects.toThrow("handler");
});

test("finished settles with the last callback", async () => {
  const { events } = rig(() => undefined);
  events.onFinished();
  await expect(events.finished).resolves.toBeUndefined();
});
