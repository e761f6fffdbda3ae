import { expect, test, vi } from "vitest";
import { WebSocket } from "../../../src/client/browser/websocket.ts";
import { InvalidArgumentError, OutOfRangeError } from "../../../src/errors/errors.ts";
import { FakeSocket, settle, usePage } from "../../support/browser-page.ts";

test.each([
  ["headers", { a: "b" }],
  ["origin", "http://host"],
  ["maxHeaderSize", 1],
  ["maxStreamSize", 1],
  ["maxFragments", 1],
  ["invalidJson", "close"],
  ["sendQueuePolicy", "drop-newest"],
  ["pingInterval", 1],
  ["pingTimeout", 1],
  ["compression", false],
  ["tls", {}],
  ["proxy", null],
  ["socketPath", "/run/x"],
  ["createConnection", () => undefined],
  ["http2", true],
])("%s is refused: only Node has it", (name, value) => {
  usePage();
  const make = () => new WebSocket("ws://host/", {}, { [name]: value });
  expect(make).toThrow(InvalidArgumentError);
  expect(make).toThrow(`${name}: a browser does not allow it`);
  expect(FakeSocket.made).toEqual([]);
});

test("headers on the handler are refused too", () => {
  usePage();
  expect(() => new WebSocket("ws://host/", { headers: { a: "b" } })).toThrow("headers: a browser does not allow it");
});

test("onMessageStart is refused: a browser gives a message only as a whole", () => {
  usePage();
  const make = () => new WebSocket("ws://host/", { onMessageStart: () => undefined });
  expect(make).toThrow(InvalidArgumentError);
  expect(make).toThrow("handler: onMessageStart: a browser gives a message only as a whole");
  expect(FakeSocket.made).toEqual([]);
});

test("an option of Node that is undefined is not there, as on Node", async () => {
  usePage();
  const ws = new WebSocket("ws://host/", { headers: undefined }, { headers: undefined, tls: undefined });
  ws.destroy();
  expect((await ws.closed).code).toBe(1005);
});

test.each([
  ["an unknown option", { dataTyp: "text" }, InvalidArgumentError],
  ["a wrong type", { maxMessageSize: "1" }, InvalidArgumentError],
  ["a number out of range", { maxMessageSize: 0 }, OutOfRangeError],
  ["options that are none", null, InvalidArgumentError],
  ["a probe without an answer", { probe: { request: "ping" } }, InvalidArgumentError],
])("%s throws, and nothing is dialed", (_what, options, kind) => {
  usePage();
  expect(() => new WebSocket("ws://host/", {}, options as object)).toThrow(kind);
  expect(FakeSocket.made).toEqual([]);
});

test("a URL is relative to the page, and http: becomes ws:", async () => {
  usePage();
  const ws = new WebSocket("chat?name=a");
  await settle();
  expect([FakeSocket.last.url, ws.url]).toEqual(["ws://host/chat?name=a", "ws://host/chat?name=a"]);
  ws.destroy();
  await ws.closed;
});

test("it opens, delivers, answers and ends, and leaves nothing in the page", async () => {
  const { window, document } = usePage();
  const calls: unknown[] = [];
  const ws = new WebSocket("ws://host/", {
    onOpen: (ws) => void calls.push("open", ws.send("hello")),
    onMessage: (_ws, { data }) => void calls.push(data),
    onTerminate: (_ws, { code }) => void calls.push(code),
  });
  await settle();
  const socket = FakeSocket.last;
  socket.open();
  await settle();
  socket.receive("hi");
  socket.end(1000);
  await ws.closed;
  expect([calls, socket.sent]).toEqual([["open", true, "hi", 1000], ["hello"]]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([window.listenerCount, document.listenerCount, vi.getTimerCount()]).toEqual([0, 0, 0]);
});

test("connect resolves when it is open, and rejects with what ended it before", async () => {
  usePage();
  const opened = WebSocket.connect("ws://host/");
  await settle();
  FakeSocket.last.open();
  const ws = await opened;
  expect(ws.status).toBe("Connected");
  ws.destroy();
  await ws.closed;
  const failed = WebSocket.connect("ws://host/");
  const refused = expect(failed).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED" });
  await settle();
  FakeSocket.last.end(1006);
  await refused;
});

test("a page that is shown again dials at once, and after the end nothing wakes it", async () => {
  const { document } = usePage();
  const ws = new WebSocket("ws://host/", {}, { reconnect: { baseDelay: 30_000 } });
  await settle();
  FakeSocket.last.end(1006);
  await settle();
  expect([FakeSocket.made.length, ws.status]).toEqual([1, "Connecting"]);
  document.emit("visibilitychange");
  await settle();
  expect(FakeSocket.made.length).toBe(2);
  ws.terminate();
  await ws.closed;
  document.emit("visibilitychange");
  await settle();
  expect(FakeSocket.made.length).toBe(2);
});

test("a dial that has hung for more than 1 s when the page wakes is begun anew, a younger one is not", async () => {
  const { window } = usePage();
  const ws = new WebSocket("ws://host/", {}, { reconnect: true });
  await settle();
  await vi.advanceTimersByTimeAsync(900);
  window.emit("online");
  await settle();
  expect(FakeSocket.made.length).toBe(1);
  await vi.advanceTimersByTimeAsync(200);
  window.emit("online");
  await settle();
  expect([FakeSocket.made.length, FakeSocket.made[0]!.closes.length]).toEqual([2, 1]);
  ws.destroy();
  await ws.closed;
});

test("the delay in a hidden page is spread over maxDelay", async () => {
  const { document } = usePage();
  document.visibilityState = "hidden";
  const delays: number[] = [];
  const ws = new WebSocket(
    "ws://host/",
    { onReconnecting: (_ws, { delay }) => void delays.push(delay) },
    { reconnect: { baseDelay: 1, maxDelay: 1_000_000 } },
  );
  await settle();
  FakeSocket.last.end(1006);
  await settle();
  expect(delays[0]).toBeGreaterThan(102);
  ws.destroy();
  await ws.closed;
});
