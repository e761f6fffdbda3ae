import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { answered, fakeClient, refused } from "../support/fake-client-platform.ts";
import { codeOf, noted, turn } from "../support/noted-client.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const RETRY = { reconnect: true } as const;
const QUEUE = { reconnect: { whileAway: "queue" } } as const;

test("without reconnect: onOpen, onMessage, onTerminate", async () => {
  const { accept, names, session } = noted();
  const link = await accept();
  link.deliver("a");
  link.lose(1000);
  expect(await session.ended).toMatchObject({ type: "terminate", code: 1000, initiator: "peer" });
  expect(names()).toBe("Open Message Terminate");
});

test("without reconnect a failed dial is onError, then onTerminate 1006", async () => {
  const { fail, names, session, eventOf } = noted();
  await fail();
  expect(await session.ended).toMatchObject({ code: 1006, initiator: "network" });
  expect(names()).toBe("Error Terminate");
  expect(codeOf(eventOf("onError"))).toBe("HWS_CONNECT_FAILED");
});

test("with reconnect: the order of the callbacks, and the status inside them", async () => {
  const { accept, fail, session, calls } = noted(RETRY);
  await fail();
  await vi.advanceTimersByTimeAsync(700);
  const link = await accept();
  link.deliver("a");
  link.lose(1001);
  await turn();
  await vi.advanceTimersByTimeAsync(2_000);
  (await accept()).lose(1000);
  await session.ended;
  expect(calls.map(({ name, status }) => `${name.slice(2)}: ${status}`)).toEqual([
    "Reconnecting: Connecting",
    "Open: Connected",
    "Message: Connecting",
    "Reconnecting: Connecting",
    "Reconnected: Connected",
    "Terminate: Closed",
  ]);
  expect(calls[0]?.event).toMatchObject({ attempt: 1, delay: 600, code: 1006 });
  expect(calls[4]?.event).toEqual({ type: "reconnected", attempts: 1, away: 2_000 });
});

test("a handler without onReconnected has onOpen called again", async () => {
  const opened: unknown[] = [];
  const handler = { onOpen: (_ws: unknown, event: { reconnected: boolean }) => opened.push(event.reconnected) };
  const { platform, session } = fakeClient(handler, RETRY);
  await turn();
  platform.dials[0]?.accept();
  await turn();
  platform.links[0]?.lose(1006);
  await vi.advanceTimersByTimeAsync(700);
  platform.dials[1]?.accept();
  await turn();
  session.destroy();
  await session.ended;
  expect(opened).toEqual([false, true]);
});

test("terminate while dialing: onTerminate 1005, no onError; a late answer is abandoned", async () => {
  const { session, platform, names } = noted(RETRY);
  await turn();
  session.terminate(1000, undefined);
  expect(platform.dials[0]?.request.dial.signal.aborted).toBe(true);
  platform.dials[0]?.accept();
  expect(await session.ended).toMatchObject({ code: 1005, initiator: "local" });
  await turn();
  expect(names()).toBe("Terminate");
  expect(platform.dials[0]?.isAbandoned).toBe(true);
});

test("terminate while dialing: a late provider answer dials nothing", async () => {
  let answer: (url: string) => void = () => undefined;
  const url = (): Promise<string> => new Promise((resolve) => (answer = resolve));
  const { session, platform } = noted({ url });
  await turn();
  session.terminate(1000, undefined);
  answer("ws://late/");
  await session.ended;
  await turn();
  expect(platform.dials).toEqual([]);
});

test("terminate in backoff: the timer is cleared; onTerminate with the last loss's code", async () => {
  const { accept, session } = noted(RETRY);
  (await accept()).lose(1012, "restart");
  await turn();
  session.terminate(1000, undefined);
  expect(await session.ended).toMatchObject({ code: 1012, reason: "restart" });
  expect(vi.getTimerCount()).toBe(0);
});

test("terminate in onReconnecting ends it", async () => {
  const { accept, session, names } = noted(RETRY, { onReconnecting: () => session.terminate(1000, undefined) });
  (await accept()).lose(1006);
  await session.ended;
  expect(names()).toBe("Open Reconnecting Terminate");
});

test.each(["onOpen", "onMessage"])(
  "terminate in %s ends it; no further message, queue counted dropped",
  async (name) => {
    const { accept, session, names, platform } = noted(QUEUE, { [name]: () => session.terminate(1000, undefined) });
    session.sender.send("waits", undefined);
    const link = await accept();
    link.deliver("a");
    link.deliver("b");
    await turn();
    expect(session.status).toBe("Closing");
    expect(session.sender.send("late", undefined)).toBe(false);
    platform.links[0]?.lose(1000);
    await session.ended;
    expect(names()).toBe(name === "onOpen" ? "Open Terminate" : "Open Message Terminate");
    const { accepted, written, dropped, pending } = session.sender.counters;
    expect([accepted, pending]).toEqual([written + dropped, 0]);
  },
);

test("terminate, then reconnect() or a page event: nothing; Closed is for ever", async () => {
  const { accept, session, platform } = noted(RETRY);
  const link = await accept();
  const watcher = platform.watcher;
  session.terminate(1000, undefined);
  session.reconnect();
  watcher?.onWake();
  link.lose(1000);
  await session.ended;
  session.reconnect();
  watcher?.onWake();
  await turn();
  expect([platform.dials.length, session.status]).toEqual([1, "Closed"]);
});

test("reconnect() in dialing: a new dial, n = 0; in waiting: dial now", async () => {
  const { fail, session, platform } = noted(RETRY);
  await turn();
  session.reconnect();
  await turn();
  expect(platform.dials[0]?.request.dial.signal.aborted).toBe(true);
  await fail();
  expect(session.attempt).toBe(1);
  session.reconnect();
  await turn();
  expect([platform.dials.length, session.attempt]).toEqual([3, 0]);
  session.destroy();
  await session.ended;
});

test("reconnect() in open: close 1000, dial; no onTerminate; the dropped connection delivers nothing", async () => {
  const { accept, session, names, eventOf } = noted(RETRY);
  const first = await accept();
  session.reconnect();
  first.deliver("late");
  expect(first.closes).toEqual([1000]);
  await accept();
  expect(names()).toBe("Open Reconnecting Reconnected");
  expect(eventOf("onReconnecting")).toMatchObject({ attempt: 0, delay: 0, code: 1000, errors: [] });
  first.lose(1006);
  await turn();
  expect(session.status).toBe("Connected");
  session.destroy();
  await session.ended;
});

test("reconnect() while onMessage is pending: the next callback waits for it", async () => {
  let settle: () => void = () => undefined;
  const pending = new Promise<void>((resolve) => (settle = resolve));
  const { accept, session, names } = noted(RETRY, { onMessage: () => pending });
  (await accept()).deliver("a");
  await turn();
  session.reconnect();
  await accept();
  expect(names()).toBe("Open Message");
  settle();
  await turn();
  expect(names()).toBe("Open Message Reconnecting Reconnected");
  session.destroy();
  await session.ended;
});

test("reconnect() in the part of an async callback before its promise: the next callback waits for all of it", async () => {
  let settle: () => void = () => undefined;
  const pending = new Promise<void>((resolve) => (settle = resolve));
  const { accept, session, names } = noted(RETRY, {
    onMessage: async () => {
      session.reconnect();
      await pending;
    },
  });
  const link = await accept();
  link.deliver("a");
  await accept();
  expect(names()).toBe("Open Message");
  settle();
  await turn();
  expect(names()).toBe("Open Message Reconnecting Reconnected");
  session.destroy();
  await session.ended;
});

test("retry that never answers: the table decides after handshakeTimeout", async () => {
  const { accept, session, names } = noted({ reconnect: { retry: never as unknown as () => Promise<boolean> } });
  const link = await accept();
  link.lose(1012);
  await turn();
  expect(names()).toBe("Open");
  await vi.advanceTimersByTimeAsync(10_000);
  expect(names()).toBe("Open Reconnecting");
  session.destroy();
  await session.ended;
});

test("reconnect() before anything has begun dials once", async () => {
  const { session, platform } = noted(RETRY);
  session.reconnect();
  await turn();
  expect(platform.dials).toHaveLength(1);
  session.destroy();
  await session.ended;
});

test("reconnect() after maxAttempts: nothing, it said HWS_GAVE_UP", async () => {
  const { fail, session, platform, names, eventOf } = noted({ reconnect: { maxAttempts: 1 } });
  await fail();
  await vi.advanceTimersByTimeAsync(700);
  await fail();
  await session.ended;
  session.reconnect();
  await turn();
  expect(platform.dials).toHaveLength(2);
  expect(names()).toBe("Reconnecting Error Terminate");
  expect(codeOf(eventOf("onError"))).toBe("HWS_GAVE_UP");
});

test("signal already aborted: no dial; onError(HWS_ABORTED), onTerminate", async () => {
  const { session, platform, names, eventOf } = noted({ signal: AbortSignal.abort("why") });
  await session.ended;
  expect([platform.dials.length, names(), codeOf(eventOf("onError"))]).toEqual([0, "Error Terminate", "HWS_ABORTED"]);
});

test("signal aborted when open: as terminate(1000)", async () => {
  const controller = new AbortController();
  const { accept, session, names } = noted({ signal: controller.signal });
  const link = await accept();
  controller.abort();
  expect([session.status, link.closes]).toEqual(["Closing", [1000]]);
  link.lose(1000);
  await session.ended;
  expect(names()).toBe("Open Terminate");
});

const never = (): Promise<string> => new Promise(() => undefined);
const throwing = (): never => {
  throw new Error("no token");
};

test.each([
  ["throws", throwing],
  ["rejects", () => Promise.reject(new Error("no token"))],
  ["never settles", never],
])("provider %s: a failed dial, bounded by handshakeTimeout", async (_name, url) => {
  const { session, names, eventOf } = noted({ url, handshakeTimeout: 500, ...RETRY });
  await vi.advanceTimersByTimeAsync(500);
  expect(names()).toBe("Reconnecting");
  expect(eventOf("onReconnecting")).toMatchObject({ attempt: 1, code: 1006 });
  session.destroy();
  await session.ended;
});

test("provider returns another URL: used; url changes", async () => {
  let count = 0;
  const { fail, session, platform } = noted({ url: () => `ws://user:secret@server/${String(++count)}`, ...RETRY });
  await fail();
  expect(session.url).toBe("ws://server/1");
  await vi.advanceTimersByTimeAsync(700);
  expect(session.url).toBe("ws://server/2");
  expect(platform.dials[1]?.request.url.href).toBe("ws://user:secret@server/2");
  session.destroy();
  await session.ended;
});

test("401, provider, then 401 again: one immediate dial, attempt 1; then final", async () => {
  const statuses: unknown[] = [];
  const url = (dial: { status: unknown }): string => {
    statuses.push(dial.status);
    return "ws://server/";
  };
  const { fail, session, eventOf, names } = noted({ url, ...RETRY });
  await fail(answered(401));
  expect(eventOf("onReconnecting")).toMatchObject({ attempt: 1, delay: 0 });
  await fail(answered(401));
  await session.ended;
  expect([statuses, names()]).toEqual([[undefined, 401], "Reconnecting Error Terminate"]);
});

test("401 after a connection that opened: it is tried once more, whatever was before", async () => {
  const { accept, fail, session, platform } = noted({ url: () => "ws://server/", ...RETRY });
  await fail(answered(401));
  await accept();
  session.reconnect();
  await fail(answered(401));
  await turn();
  expect([session.status, platform.dials.length]).toEqual(["Connecting", 4]);
  session.destroy();
  await session.ended;
});

test.each([
  ["7", 7_000 + 875],
  ["0", 500],
  ["-1", 4_100 + 0],
  ["x", 4_100 + 0],
  ["1000000000000", 300_000 + 37_500],
])("503 with Retry-After: %s waits %i ms without jitter", async (value, delay) => {
  const { fail, session, eventOf } = noted(RETRY);
  await fail(answered(503, { "retry-after": value }));
  expect(eventOf("onReconnecting")).toMatchObject({ delay });
  session.destroy();
  await session.ended;
});

test("first message in the same packet as the 101: after onOpen, also after an async one", async () => {
  let settle: () => void = () => undefined;
  const pending = new Promise<void>((resolve) => (settle = resolve));
  const { accept, session, names } = noted({}, { onOpen: () => pending });
  (await accept()).deliver("a");
  await turn();
  expect(names()).toBe("Open");
  settle();
  await turn();
  expect(names()).toBe("Open Message");
  session.destroy();
  await session.ended;
});

test("server accepts and closes within 5 s, again and again: n grows", async () => {
  const { accept, session, calls } = noted(RETRY);
  for (let count = 0; count < 4; count++) {
    (await accept()).lose(1006);
    await vi.advanceTimersByTimeAsync(4_200);
  }
  session.destroy();
  await session.ended;
  const delays = calls.filter(({ name }) => name === "onReconnecting").map(({ event }) => event["delay"]);
  expect(delays).toEqual([600, 1_100, 2_100, 4_100]);
});

test("a connection that was stable for 5 s sets n to 0", async () => {
  const { accept, fail, session } = noted(RETRY);
  await fail();
  await vi.advanceTimersByTimeAsync(700);
  await accept();
  expect(session.attempt).toBe(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(session.attempt).toBe(0);
  session.destroy();
  await session.ended;
});

test("wake: waiting dials now, an old dial is begun anew, a young one is not, open probes", async () => {
  const { accept, fail, session, platform } = noted(RETRY);
  await fail();
  platform.watcher?.onWake();
  await turn();
  expect(platform.dials).toHaveLength(2);
  platform.watcher?.onWake();
  await turn();
  expect(platform.dials).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1_001);
  platform.watcher?.onWake();
  const link = await accept();
  expect(platform.dials).toHaveLength(3);
  platform.watcher?.onWake();
  expect(link.probes).toBe(1);
  session.destroy();
  await session.ended;
});

test("tab hidden: dials spread over maxDelay", async () => {
  const { accept, session, platform, eventOf } = noted(RETRY);
  platform.hidden = true;
  (await accept()).lose(1012);
  await turn();
  expect(eventOf("onReconnecting")).toMatchObject({ delay: 15_100 });
  session.destroy();
  await session.ended;
});

test("send Connecting / Connected / away+refuse / Closing / Closed: false / sent / false / false / false", async () => {
  const { accept, session } = noted(RETRY);
  const send = (): boolean => session.sender.send("m", undefined);
  expect(send()).toBe(false);
  (await accept()).lose(1006);
  await turn();
  expect(send()).toBe(false);
  session.reconnect();
  const link = await accept();
  expect(send()).toBe(true);
  session.terminate(1000, undefined);
  expect(send()).toBe(false);
  link.lose(1000);
  await session.ended;
  expect(send()).toBe(false);
  expect(session.sender.counters).toMatchObject({ written: 1, pending: 0 });
});

test("send in onReconnected with a full queue: goes out first", async () => {
  const { accept, session } = noted(QUEUE, { onOpen: () => session.sender.send("auth", undefined) });
  expect([session.sender.send("1", undefined), session.sender.send("2", undefined)]).toEqual([true, true]);
  const link = await accept();
  expect(link.sent).toEqual(["auth", "1", "2"]);
  session.destroy();
  await session.ended;
});

test("socket dies in the middle of the flush: what was handed over is gone, the rest stays queued, in order", async () => {
  const { accept, session, platform } = noted(QUEUE, {
    onOpen: () => void Object.assign(platform.links[0] ?? {}, { isSlow: true }),
  });
  for (const message of ["1", "2", "3"]) session.sender.send(message, undefined);
  const first = await accept();
  expect(first.sent).toEqual(["1"]);
  first.lose(1006);
  await turn();
  expect(session.sender.counters).toEqual({ accepted: 3, written: 1, dropped: 0, pending: 2 });
  session.reconnect();
  expect((await accept()).sent).toEqual(["2", "3"]);
  session.destroy();
  await session.ended;
});

test.each(["onOpen", "onMessage", "onReconnected"])(
  "%s throws: onError, close 1011, onTerminate; no reconnect, whatever onError does",
  async (name) => {
    const { accept, session, names, platform } = noted(RETRY, {
      [name]: () => {
        throw new Error("handler");
      },
      onError: () => session.reconnect(),
    });
    let link = await accept();
    if (name === "onReconnected") {
      session.reconnect();
      link = await accept();
    }
    link.deliver("a");
    await turn();
    expect(link.closes).toEqual([1011]);
    link.lose(1011);
    for (const one of platform.links) one.lose(1000);
    await session.ended;
    expect(names()).toMatch(/ Error Terminate$/);
    expect(platform.dials).toHaveLength(name === "onReconnected" ? 2 : 1);
  },
);

test("onReconnecting throws: onError, onTerminate", async () => {
  const { accept, session, names } = noted(RETRY, { onReconnecting: throwing });
  (await accept()).lose(1006);
  await session.ended;
  expect(names()).toBe("Open Reconnecting Error Terminate");
});

test.each(["onError", "onTerminate"])("%s throws: one warning", async (name) => {
  const { fail, session, platform } = noted({}, { [name]: throwing });
  await fail();
  await session.ended;
  expect(platform.warnings).toHaveLength(1);
});

test("there is no onError: one warning", async () => {
  const { platform, session } = fakeClient();
  await turn();
  platform.dials[0]?.fail(refused());
  await session.ended;
  expect(platform.warnings).toHaveLength(1);
});

test("async onMessage pending when the connection is lost: onReconnecting waits its turn; the dial does not", async () => {
  let settle: () => void = () => undefined;
  const pending = new Promise<void>((resolve) => (settle = resolve));
  const { accept, session, names, platform } = noted(RETRY, { onMessage: () => pending });
  const link = await accept();
  link.deliver("a");
  link.lose(1006);
  await vi.advanceTimersByTimeAsync(700);
  expect([names(), platform.dials.length]).toEqual(["Open Message", 2]);
  settle();
  await turn();
  expect(names()).toBe("Open Message Reconnecting");
  session.destroy();
  await session.ended;
});

test.each(["onOpen", "onMessage", "onReconnecting"])(
  "async %s never settles: terminate does not wait longer than closeTimeout",
  async (name) => {
    const { accept, session, names } = noted(RETRY, { [name]: never });
    const link = await accept();
    link.deliver("a");
    await turn();
    if (name === "onReconnecting") link.lose(1006);
    await turn();
    session.terminate(1000, undefined);
    link.lose(1000);
    await vi.advanceTimersByTimeAsync(5_000);
    await session.ended;
    expect(names()).toMatch(/ Terminate$/);
  },
);

test("a callback that waits in drained() over a loss does not hold up the next connection", async () => {
  const { accept, session, names } = noted(RETRY, {
    onMessage: async () => {
      while (!session.sender.send("answer", undefined)) if (!(await session.sender.drained())) return;
    },
  });
  const first = await accept();
  first.isSlow = true;
  first.deliver("a");
  await turn();
  first.lose(1006);
  await vi.advanceTimersByTimeAsync(700);
  const second = await accept();
  await vi.advanceTimersByTimeAsync(20);
  expect(names()).toBe("Open Message Reconnecting Reconnected");
  expect(second.sent).toContain("answer");
  session.destroy();
  await session.ended;
});

test("drained() while away / after the end: waits / false; a waiting client's timer is ref'd", async () => {
  const { accept, session } = noted(RETRY);
  let drained: unknown;
  void session.sender.drained().then((value) => (drained = value));
  await turn();
  expect(drained).toBeUndefined();
  const link = await accept();
  expect(drained).toBe(true);
  link.lose(1006);
  await turn();
  const waiting = session.sender.drained();
  session.terminate(1000, undefined);
  await session.ended;
  expect([await waiting, await session.sender.drained()]).toEqual([false, false]);
});

test("a link that closes before its onOpen callback has run: onOpen, its messages, onTerminate", async () => {
  const { session, platform, names } = noted();
  await turn();
  const dial = platform.dials[0];
  dial?.accept();
  while (dial?.link === undefined) await Promise.resolve();
  dial.link.deliver("a");
  dial.link.lose(1000);
  await session.ended;
  expect(names()).toBe("Open Message Terminate");
});

test.each([
  ["true", () => true, 600],
  ["a delay", () => 42, 42],
  ["a promise of a delay", () => Promise.resolve(43), 43],
  ["a negative delay", () => -5, 0],
  ["NaN", () => NaN, 600],
  ["a delay that is too long", () => Infinity, 2 ** 31 - 1],
])("retry answers %s", async (_name, retry, delay) => {
  const { accept, session, eventOf } = noted({ reconnect: { retry } });
  (await accept()).lose(4_000);
  await turn();
  expect(eventOf("onReconnecting")).toMatchObject({ delay });
  session.destroy();
  await session.ended;
});

test.each([
  ["false", () => false, "Open Terminate"],
  ["undefined, and the table says no", () => undefined, "Open Terminate"],
  ["a throw", throwing, "Open Error Terminate"],
  ["a rejection", () => Promise.reject(new Error("retry")), "Open Error Terminate"],
])("retry answers %s: it ends", async (_name, retry, expected) => {
  const { accept, session, names } = noted({ reconnect: { retry } });
  (await accept()).lose(4_000);
  await session.ended;
  expect(names()).toBe(expected);
});

test("retry answers after terminate, or after reconnect(): its answer is ignored", async () => {
  const answers: ((value: boolean) => void)[] = [];
  const retry = (): Promise<boolean> => new Promise((resolve) => answers.push(resolve));
  const { accept, session, platform, names } = noted({ reconnect: { retry } });
  (await accept()).lose(1006);
  await turn();
  platform.watcher?.onWake();
  await turn();
  expect(platform.dials).toHaveLength(1);
  session.reconnect();
  answers[0]?.(false);
  (await accept()).lose(1006);
  await turn();
  session.terminate(1000, undefined);
  answers[1]?.(true);
  await session.ended;
  await turn();
  expect([platform.dials.length, names()]).toEqual([2, "Open Reconnecting Reconnected Terminate"]);
});

test("destroy ends every connection at once, also one that was dropped", async () => {
  const { accept, session, platform } = noted(RETRY);
  await accept();
  session.reconnect();
  await accept();
  session.destroy();
  expect(platform.links.map(({ status }) => status)).toEqual(["Closed", "Closed"]);
  await session.ended;
});

test.each([
  ["before onTerminate", false, "Reconnecting Error Terminate", 0],
  ["after it, as a warning", true, "Reconnecting Terminate", 1],
])("an error of onReconnecting after terminate is told: %s", async (_when, isLate, order, warnings) => {
  const { fail, session, names, platform } = noted(RETRY, {
    onReconnecting: async () => {
      session.terminate(1000, undefined);
      if (isLate) await session.ended;
      throw new Error("told");
    },
  });
  await fail();
  await vi.advanceTimersByTimeAsync(6_000);
  expect(names()).toBe(order);
  expect(platform.warnings).toHaveLength(warnings);
});

test("until closeTimeout a callback that never settles holds the process, so that onTerminate is called", async () => {
  const { accept, names } = noted({}, { onMessage: () => new Promise(() => undefined) });
  const link = await accept();
  link.deliver("a");
  await turn();
  const timer = vi.spyOn(globalThis, "setTimeout");
  link.lose(1006);
  await turn();
  const held = timer.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef());
  expect(held).toContain(true);
  expect(held).not.toContain(false);
  await vi.advanceTimersByTimeAsync(6_000);
  expect(names()).toBe("Open Message Terminate");
});
