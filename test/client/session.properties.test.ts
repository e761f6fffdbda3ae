import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { answered, fakeClient, refused } from "../support/fake-client-platform.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const CALLBACKS = ["onOpen", "onReconnected", "onReconnecting", "onMessage", "onError", "onTerminate"] as const;

/** What a callback does: it returns, throws, settles later or never, or calls a method of the client. */
const REACTIONS = [
  "returns",
  "returns",
  "throws",
  "waits",
  "rejects later",
  "never settles",
  "terminate",
  "destroy",
  "reconnect",
  "abort",
] as const;

const EVENTS = [
  "accept",
  "refuse",
  "unavailable",
  "unauthorized",
  "not found",
  "message",
  "lost",
  "going away",
  "normal close",
  "wake",
  "reconnect",
  "terminate",
  "destroy",
  "abort",
  "send",
  "a short time",
  "a long time",
  "a turn",
] as const;

type Reaction = (typeof REACTIONS)[number];
type Event = (typeof EVENTS)[number];

const weighted: Event[] = ["accept", "accept", "accept", "message", "lost", "lost", "a short time", "a turn", "a turn"];

interface Life {
  readonly events: readonly Event[];
  readonly reactions: readonly Reaction[];
  readonly reconnect: boolean;
  readonly retry: "none" | "true" | "late" | "never" | "throws";
}

function retryOf(kind: Life["retry"]): (() => boolean | Promise<boolean>) | undefined {
  if (kind === "none") return undefined;
  return () => {
    if (kind === "throws") throw new Error("retry");
    if (kind === "never") return new Promise(() => undefined);
    return kind === "late" ? new Promise((resolve) => setTimeout(() => resolve(true), 700)) : true;
  };
}

async function live({ events, reactions, reconnect, retry }: Life): Promise<void> {
  const controller = new AbortController();
  const added = vi.spyOn(controller.signal, "addEventListener");
  const removed = vi.spyOn(controller.signal, "removeEventListener");
  const calls: string[] = [];
  let running = 0;
  let mostRunning = 0;
  let overdue = false;
  let next = 0;
  const act: Partial<Record<Reaction, () => void>> = {
    terminate: () => session.terminate(1000, undefined),
    destroy: () => session.destroy(),
    reconnect: () => session.reconnect(),
    abort: () => controller.abort(),
  };
  const callbackOf = (name: string) => (): unknown => {
    calls.push(name);
    const reaction = reactions[next++ % reactions.length] ?? "returns";
    act[reaction]?.();
    if (reaction === "throws") throw new Error(name);
    if (reaction === "never settles" && name !== "onTerminate") {
      // Who never settles is not waited for after closeTimeout.
      overdue = true;
      return new Promise(() => undefined);
    }
    if (reaction !== "waits" && reaction !== "rejects later") return undefined;
    mostRunning = overdue ? mostRunning : Math.max(mostRunning, ++running);
    return new Promise<void>((resolve, reject) => {
      setTimeout(() => {
        running--;
        if (reaction === "waits") resolve();
        else reject(new Error(name));
      }, 300);
    });
  };
  const noticed = (name: string) => {
    const callback = callbackOf(name);
    return (): unknown => {
      if (!overdue) mostRunning = Math.max(mostRunning, running + 1);
      return callback();
    };
  };
  const handler = Object.fromEntries(CALLBACKS.map((name) => [name, noticed(name)]));
  const { session, platform } = fakeClient(handler, {
    signal: controller.signal,
    reconnect: reconnect && { whileAway: "queue", retry: retryOf(retry) },
  });
  const dial = () => platform.dials.at(-1);
  const link = () => platform.links.at(-1);
  const steps: Record<Event, () => unknown> = {
    accept: () => dial()?.accept(),
    refuse: () => dial()?.fail(refused()),
    unavailable: () => dial()?.fail(answered(503, { "retry-after": "1" })),
    unauthorized: () => dial()?.fail(answered(401)),
    "not found": () => dial()?.fail(answered(404)),
    message: () => link()?.deliver("hello"),
    lost: () => link()?.lose(1006, undefined, "network"),
    "going away": () => link()?.lose(1001, "retry-after=2"),
    "normal close": () => link()?.lose(1000),
    wake: () => platform.watcher?.onWake(),
    send: () => session.sender.send("message", undefined),
    reconnect: () => session.reconnect(),
    terminate: () => session.terminate(1000, undefined),
    destroy: () => session.destroy(),
    abort: () => controller.abort(),
    "a short time": () => vi.advanceTimersByTimeAsync(400),
    "a long time": () => vi.advanceTimersByTimeAsync(40_000),
    "a turn": () => vi.advanceTimersByTimeAsync(0),
  };
  let ended = false;
  void session.ended.then(() => (ended = true));
  for (const event of events) {
    await steps[event]();
    const { accepted, written, dropped, pending } = session.sender.counters;
    expect(accepted).toBe(written + dropped + pending);
  }
  session.terminate(1000, undefined);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(ended).toBe(true);
  expect(session.status).toBe("Closed");
  expect(calls.filter((name) => name === "onTerminate")).toHaveLength(1);
  expect(calls.at(-1)).toBe("onTerminate");
  expect(calls.filter((name) => name === "onError").length).toBeLessThanOrEqual(1);
  expect(mostRunning).toBeLessThanOrEqual(1);
  expect(vi.getTimerCount()).toBe(0);
  expect(platform.watcher).toBeUndefined();
  expect(platform.links.every(({ status }) => status === "Closed")).toBe(true);
  const aborts = ({ mock }: typeof added | typeof removed) => mock.calls.filter(([name]) => name === "abort").length;
  expect(controller.signal.aborted || aborts(removed) >= aborts(added)).toBe(true);
  expect(session.sender.counters.pending).toBe(0);
}

test("any life ends once, in order, and leaves nothing", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        events: fc.array(fc.constantFrom(...EVENTS, ...weighted), { maxLength: 25 }),
        reactions: fc.array(fc.constantFrom(...REACTIONS), { minLength: 1, maxLength: 8 }),
        reconnect: fc.boolean(),
        retry: fc.constantFrom("none", "none", "true", "late", "never", "throws"),
      }),
      live,
    ),
    { numRuns: 500 },
  );
});
