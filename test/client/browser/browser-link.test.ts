import { expect, onTestFinished, test, vi } from "vitest";
import { BrowserLink, type BrowserSettings } from "../../../src/client/browser/browser-link.ts";
import type { LinkEnd, LinkListener } from "../../../src/client/link.ts";
import { FakeSocket, settle, usePage } from "../../support/browser-page.ts";
import { deferred } from "../../support/peer.ts";

const defaults: BrowserSettings = {
  dataType: "text",
  maxMessageSize: 1_000,
  maxReceiveQueue: 1_000,
  maxJsonDepth: 3,
  maxJsonValues: 10,
  highWaterMark: 100,
  maxSendQueue: 1_000,
  closeTimeout: 5_000,
  probe: undefined,
};

/** A link that is open, what it has told, and its socket. */
function rig(settings: Partial<BrowserSettings> = {}, listener: Partial<LinkListener> = {}, received = { bytes: 0 }) {
  const page = usePage();
  const calls: unknown[] = [];
  const ends: LinkEnd[] = [];
  const socket = new FakeSocket("ws://host/", []);
  const link = new BrowserLink(
    socket,
    { ...defaults, ...settings },
    {
      onOpen: () => listener.onOpen?.(),
      onMessageStart: () => expect.fail("A browser streams nothing"),
      onMessage(event) {
        calls.push(event.data);
        return listener.onMessage?.(event);
      },
      onDrain(event) {
        calls.push("drain");
        return listener.onDrain?.(event);
      },
      onFailed({ errors: [{ cause, message }] }) {
        calls.push(["failed", (cause as { code?: string }).code ?? message]);
      },
      onClosed(end) {
        calls.push(["closed", end.code]);
        ends.push(end);
      },
      onFinished: () => void calls.push("finished"),
    },
    received,
  );
  link.start();
  onTestFinished(() => socket.end(1006));
  return { link, socket, calls, ends, ...page };
}

test("the server's close is told with its code and reason", () => {
  const { socket, link, calls, ends } = rig();
  socket.receive("a");
  socket.end(4000, "bye");
  expect(calls).toEqual(["a", ["closed", 4000], "finished"]);
  expect(ends).toEqual([{ code: 4000, reason: "bye", initiator: "peer", cause: undefined }]);
  expect(link.status).toBe("Closed");
});

test("a connection that breaks is told as lost: 1006, by the network", () => {
  const { socket, ends } = rig();
  socket.end(1006);
  expect(ends[0]).toMatchObject({
    code: 1006,
    reason: undefined,
    initiator: "network",
    cause: { code: "HWS_STREAM_ENDED" },
  });
});

test("our close is sent with its code and reason, and the answer ends it", () => {
  const { link, socket, ends } = rig();
  link.close(3001, "enough");
  expect([link.status, socket.closes]).toEqual(["Closing", [[3001, "enough"]]]);
  link.close(3002, "again");
  expect(socket.closes).toHaveLength(1);
  socket.end(3001);
  expect(ends).toEqual([{ code: 3001, reason: undefined, initiator: "local", cause: undefined }]);
});

test("a close without a code is 1000", () => {
  const { link, socket } = rig();
  link.close(undefined, undefined);
  expect(socket.closes).toEqual([[1000, undefined]]);
});

test("a code of ours that a page may not send goes out as another one, and is told as itself", () => {
  const { link, socket, ends } = rig();
  link.close(1011, undefined);
  expect(socket.closes).toEqual([[4011, undefined]]);
  socket.end(4011);
  expect(ends[0]).toMatchObject({ code: 1011, initiator: "local" });
});

test("a close event that never comes is not waited for longer than closeTimeout, and is ignored later", () => {
  const { link, socket, ends, calls } = rig();
  link.close(1000, undefined);
  vi.advanceTimersByTime(4_999);
  expect(ends).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(ends[0]).toMatchObject({ code: 1006, initiator: "local", cause: { code: "HWS_CLOSE_TIMEOUT" } });
  socket.end(1000);
  expect(calls).toEqual([["closed", 1006], "finished"]);
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  ["a message that is too big", {}, "x".repeat(1_001), "HWS_MESSAGE_TOO_BIG", 4009],
  ["bytes that are too many", {}, new Uint8Array(1_001), "HWS_MESSAGE_TOO_BIG", 4009],
  ["bytes that are no UTF-8", {}, new Uint8Array([0xff]), "HWS_INVALID_UTF8", 4007],
  ["a text that is no JSON", { dataType: "object" }, "{", "HWS_INVALID_JSON", 4007],
  ["JSON that is too deep", { dataType: "object" }, "[[[[1]]]]", "HWS_JSON_TOO_DEEP", 4009],
  ["JSON with too many values", { dataType: "object" }, `[${"1,".repeat(20)}1]`, "HWS_JSON_TOO_BIG", 4009],
] as const)(
  "%s ends it: a code goes out that stands for that of Node, and as on Node 1006 is told",
  (_what, settings, data, code, sent) => {
    const { socket, calls, ends } = rig(settings);
    socket.receive(data);
    expect(socket.closes).toEqual([[sent, undefined]]);
    expect(calls).toEqual([["failed", code]]);
    socket.receive("ignored");
    socket.end(sent);
    expect(calls).toEqual([["failed", code], ["closed", 1006], "finished"]);
    expect(ends[0]).toMatchObject({ initiator: "local", cause: { code } });
  },
);

test.each([
  [
    "throws",
    () => {
      throw new Error("mine");
    },
  ],
  ["rejects", () => Promise.reject(new Error("mine"))],
])("a handler that %s ends it with 4011, which is told as 1011", async (_how, fail) => {
  const { socket, calls, ends } = rig({}, { onMessage: fail });
  socket.receive("a");
  await settle();
  expect(socket.closes).toEqual([[4011, undefined]]);
  socket.end(4011);
  expect(calls).toEqual(["a", ["failed", "mine"], ["closed", 1011], "finished"]);
  expect(ends[0]).toMatchObject({ cause: { code: "HWS_HANDLER_FAILED", cause: new Error("mine") } });
});

test("only the code of our failure is told as another one: the server may have closed with its own", async () => {
  const { socket, ends } = rig({}, { onMessage: () => Promise.reject(new Error("mine")) });
  socket.receive("a");
  await settle();
  socket.end(4400, "theirs");
  expect(ends[0]).toMatchObject({ code: 4400, reason: "theirs", cause: { code: "HWS_HANDLER_FAILED" } });
});

test("without a failure an application's 4011 is 4011", () => {
  const { socket, ends } = rig();
  socket.end(4011);
  expect(ends[0]).toMatchObject({ code: 4011, initiator: "peer" });
});

test("a failure of which the server is never told has an end with its cause", () => {
  const { socket, ends } = rig();
  socket.receive("x".repeat(1_001));
  vi.advanceTimersByTime(5_000);
  expect(ends[0]).toMatchObject({ code: 1006, initiator: "local", cause: { code: "HWS_MESSAGE_TOO_BIG" } });
});

test("messages wait for the handler's promise, up to maxReceiveQueue: then the client ends with 4013", async () => {
  const pending = deferred();
  const { socket, calls, ends } = rig({}, { onMessage: () => pending.promise });
  socket.receive("a".repeat(900));
  socket.receive("b".repeat(900));
  expect([calls.length, socket.closes]).toEqual([1, []]);
  socket.receive("c".repeat(200));
  expect(socket.closes).toEqual([[4013, undefined]]);
  pending.resolve();
  await settle();
  socket.end(4013);
  expect(calls.slice(1)).toEqual([["failed", "HWS_RECEIVE_QUEUE_FULL"], ["closed", 1006], "finished"]);
  expect(ends[0]).toMatchObject({ cause: { code: "HWS_RECEIVE_QUEUE_FULL" } });
});

test("a message that need not wait may be larger than maxReceiveQueue", () => {
  const { socket, calls } = rig({ maxReceiveQueue: 10 });
  socket.receive("a".repeat(900));
  expect(calls).toEqual(["a".repeat(900)]);
});

test("what waits on a connection that was lost counts on the next one, until it is delivered", async () => {
  const received = { bytes: 0 };
  const pending = deferred();
  const lost = rig({}, { onMessage: () => pending.promise }, received);
  for (const size of [900, 500, 300]) lost.socket.receive("a".repeat(size));
  lost.socket.end(1006);
  expect(received.bytes).toBe(800);
  const next = rig({}, { onOpen: () => pending.promise }, received);
  next.socket.receive("a".repeat(200));
  next.socket.receive("a");
  expect(next.socket.closes).toEqual([[4013, undefined]]);
  pending.resolve();
  await settle();
  expect(received.bytes).toBe(0);
  expect(next.calls).toContainEqual(["failed", "HWS_RECEIVE_QUEUE_FULL"]);
});

test("empty messages have a limit too", () => {
  const { socket } = rig({}, { onMessage: () => new Promise(() => {}) });
  for (let n = 0; n < 20; n++) socket.receive("");
  expect(socket.closes).toEqual([[4013, undefined]]);
});

test.each([
  [
    "close",
    "Closed",
    (link: BrowserLink, socket: FakeSocket) => {
      link.close(1000, undefined);
      socket.end(1000);
    },
  ],
  ["destroy", "Closed", (link: BrowserLink) => link.destroy()],
])("after %s no message is delivered that waited for the handler", async (_how, status, end) => {
  const pending = deferred();
  const { link, socket, calls } = rig({}, { onMessage: () => pending.promise });
  socket.receive("a");
  socket.receive("b");
  end(link, socket);
  expect(link.status).toBe(status);
  pending.resolve();
  await settle();
  expect(calls).toEqual(["a", ["closed", expect.any(Number)], "finished"]);
});

test.each([
  ["the server closes", ({ socket }: ReturnType<typeof rig>) => socket.end(1001)],
  ["the network breaks", ({ socket }: ReturnType<typeof rig>) => socket.end(1006)],
  ["the page is off line", ({ link }: ReturnType<typeof rig>) => link.onOffline()],
  ["the server is silent", ({ link }: ReturnType<typeof rig>) => link.onSilent()],
])("when %s, messages that came before are delivered, and then it is finished", async (_what, happen) => {
  const pending = deferred();
  const made = rig({}, { onMessage: () => pending.promise });
  made.socket.receive("a");
  made.socket.receive("b");
  happen(made);
  expect(made.calls).toEqual(["a", ["closed", expect.any(Number)]]);
  pending.resolve();
  await settle();
  expect(made.calls.slice(2)).toEqual(["b", "finished"]);
});

test("a handler that throws after the connection has ended is told of", async () => {
  const pending = deferred();
  const { socket, calls } = rig({}, { onMessage: () => pending.promise });
  socket.receive("a");
  socket.end(1006);
  pending.reject(new Error("late"));
  await settle();
  expect(calls).toEqual(["a", ["closed", 1006], ["failed", "late"], "finished"]);
});

test("a handler that throws after another failure is reported to the page", async () => {
  const pending = deferred();
  const { socket, calls, reported } = rig({}, { onMessage: () => pending.promise });
  socket.receive("a");
  socket.receive("x".repeat(1_001));
  pending.reject(new Error("second"));
  await settle();
  expect([calls, reported]).toEqual([["a", ["failed", "HWS_MESSAGE_TOO_BIG"]], [new Error("second")]]);
});

test("after stopWaiting the end does not wait for the handler", () => {
  const { link, socket, calls } = rig({}, { onMessage: () => new Promise(() => {}) });
  socket.receive("a");
  link.close(1000, undefined);
  socket.end(1000);
  expect(calls).toEqual(["a", ["closed", 1000]]);
  link.stopWaiting();
  expect(calls.at(-1)).toBe("finished");
});

test("messages wait until onOpen has settled", async () => {
  const opened = deferred();
  const { socket, calls } = rig({}, { onOpen: () => opened.promise });
  socket.receive("early");
  expect(calls).toEqual([]);
  opened.resolve();
  await settle();
  expect(calls).toEqual(["early"]);
});

test("send returns false above highWaterMark; when the socket has drained, who waits and onDrain are told once", async () => {
  const { link, socket, calls } = rig();
  socket.isSlow = true;
  expect(link.send("x".repeat(100), undefined)).toBe(true);
  expect(await link.drained()).toBe(true);
  expect(link.send("x", undefined)).toBe(false);
  const drained = link.drained();
  socket.bufferedAmount = 100;
  vi.advanceTimersByTime(1_000);
  expect(await drained).toBe(true);
  expect(calls).toEqual(["drain"]);
  expect(link.counters).toEqual({ accepted: 2, written: 0, dropped: 0, pending: 2 });
  socket.bufferedAmount = 0;
  expect([link.bufferedAmount, link.counters.written]).toEqual([0, 2]);
});

test("above maxSendQueue a message is dropped, and the space that who waits is told of is there", async () => {
  const { link, socket } = rig({ highWaterMark: 5_000, maxSendQueue: 1_000 });
  socket.isSlow = true;
  expect(link.send("x".repeat(1_001), undefined)).toBe(false);
  expect(link.send("dropped", undefined)).toBe(false);
  expect(link.counters).toEqual({ accepted: 2, written: 0, dropped: 1, pending: 1 });
  const told = vi.fn();
  void link.drained().then(told);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).not.toHaveBeenCalled();
  socket.bufferedAmount = 1_000;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toHaveBeenCalledWith(true);
});

test("who waits for space is told when the connection closes", async () => {
  const { link, socket } = rig();
  socket.isSlow = true;
  link.send("x".repeat(200), undefined);
  const drained = link.drained();
  link.close(1000, undefined);
  expect(await drained).toBe(false);
  expect([link.send("late", undefined), await link.drained()]).toEqual([false, false]);
  socket.end(1006);
  expect(link.counters).toEqual({ accepted: 1, written: 0, dropped: 1, pending: 0 });
});

const probe = { request: "ping", response: "pong", every: 10_000, timeout: 1_000 };

test("the probe's answer is not delivered, and a round trip is measured by it", async () => {
  const { link, socket, calls } = rig({ probe });
  const trip = link.ping();
  expect(socket.sent).toEqual(["ping"]);
  vi.advanceTimersByTime(30);
  socket.receive("pong");
  expect([await trip, calls]).toEqual([30, []]);
  socket.receive("pong?");
  expect(calls).toEqual(["pong?"]);
});

test("a server that is silent after the request is lost", () => {
  const { socket, ends } = rig({ probe });
  vi.advanceTimersByTime(10_000);
  expect(socket.sent).toEqual(["ping"]);
  vi.advanceTimersByTime(1_000);
  expect(ends[0]).toMatchObject({ code: 1006, initiator: "network", cause: { code: "HWS_PEER_SILENT" } });
  expect(socket.closes).toHaveLength(1);
});

test("while it closes no probe is sent, and none gives a verdict: closeTimeout decides", () => {
  const { link, socket, ends } = rig({ probe, closeTimeout: 60_000 });
  link.close(1000, undefined);
  socket.receive("late");
  vi.advanceTimersByTime(59_999);
  expect([ends, socket.sent]).toEqual([[], []]);
  socket.end(1000);
  expect(vi.getTimerCount()).toBe(0);
});

test("without a probe there is no way to measure, and a wake-up sends nothing", async () => {
  const { link, socket } = rig();
  link.probe();
  expect([await link.ping(), socket.sent]).toEqual([undefined, []]);
});

test("a wake-up sends the request at once", () => {
  const { link, socket } = rig({ probe });
  link.probe();
  link.probe();
  expect(socket.sent).toEqual(["ping"]);
});
