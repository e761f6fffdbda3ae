import { expect, test, vi } from "vitest";
import { BrowserPlatform } from "../../../src/client/browser/browser-platform.ts";
import type { BrowserSettings } from "../../../src/client/browser/browser-link.ts";
import type { DialRequest, LinkListener } from "../../../src/client/link.ts";
import { FakeSocket, settle, usePage } from "../../support/browser-page.ts";

const settings: BrowserSettings = {
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

const quiet: LinkListener = {
  onOpen: () => undefined,
  onMessageStart: () => undefined,
  onMessage: () => undefined,
  onDrain: () => undefined,
  onFailed: () => undefined,
  onClosed: () => undefined,
  onFinished: () => undefined,
};

function rig() {
  const page = usePage();
  const controller = new AbortController();
  const dial = { attempt: 0, url: undefined, status: undefined, error: undefined, signal: controller.signal };
  const request: DialRequest = {
    url: new URL("ws://host/path"),
    protocols: ["a", "b"],
    dial,
    onStage: () => undefined,
  };
  return { ...page, platform: new BrowserPlatform(settings), controller, request };
}

test("a dial makes a socket with the URL and the subprotocols, whose bytes come as ArrayBuffer", async () => {
  const { platform, request } = rig();
  const dialed = platform.dial(request);
  const socket = FakeSocket.last;
  expect([socket.url, socket.protocols, socket.binaryType]).toEqual(["ws://host/path", ["a", "b"], "arraybuffer"]);
  socket.protocol = "b";
  socket.extensions = "permessage-deflate";
  socket.open();
  expect(await dialed).toMatchObject({ protocol: "b", extensions: "permessage-deflate", httpVersion: undefined });
});

test("a message that comes with the opening reaches the link", async () => {
  const { platform, request } = rig();
  const dialed = platform.dial(request);
  FakeSocket.last.open();
  const accepted = await dialed;
  const got: unknown[] = [];
  const link = accepted.open({ ...quiet, onMessage: ({ data }) => void got.push(data) });
  link.start();
  FakeSocket.last.receive("first");
  expect([got, accepted.protocol]).toEqual([["first"], undefined]);
});

test("a socket that closes before it is open is a dial that failed", async () => {
  const { platform, request } = rig();
  const dialed = platform.dial(request);
  FakeSocket.last.end(1006);
  await expect(dialed).rejects.toMatchObject({
    name: "ConnectError",
    code: "HWS_CONNECT_FAILED",
    stage: "tcp",
    message: "The client could not connect: ws://host/path",
  });
});

test("what the platform throws is a dial that will fail again", async () => {
  const { platform, request } = rig();
  const cause = new Error("an insecure connection from a secure page");
  vi.stubGlobal("WebSocket", function WebSocket() {
    throw cause;
  });
  await expect(platform.dial(request)).rejects.toMatchObject({
    code: "HWS_CONNECT_FAILED",
    stage: "http",
    cause,
    message: expect.stringContaining(cause.message) as string,
  });
});

test("a dial that is given up closes its socket, and what that tells later is ignored", async () => {
  const { platform, request, controller } = rig();
  const dialed = platform.dial(request);
  controller.abort();
  await expect(dialed).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED" });
  const { closes, onopen, onclose } = FakeSocket.last;
  expect([closes, onopen, onclose]).toEqual([[[]], null, null]);
});

test("a dial that nobody wants any more once it is open closes its socket", async () => {
  const { platform, request, controller } = rig();
  const dialed = platform.dial(request);
  FakeSocket.last.open();
  (await dialed).abandon();
  expect(FakeSocket.last.closes).toHaveLength(1);
  controller.abort();
  expect(FakeSocket.last.closes).toHaveLength(1);
});

test("bytes that wait are copied, and other messages are as they are sent", () => {
  const { platform } = rig();
  const bytes = new Uint8Array([1]);
  const { message, size } = platform.prepare(bytes, undefined);
  bytes[0] = 2;
  expect([message, size]).toEqual([new Uint8Array([1]), 1]);
  expect(platform.prepare({ a: 1 }, undefined)).toEqual({ message: '{"a":1}', size: 7 });
});

test("an error that nobody gets is reported as the page's own, or else on the console", () => {
  const { platform, reported } = rig();
  const error = new Error("unheard");
  platform.warn(error);
  expect(reported).toEqual([error]);
  const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
  vi.stubGlobal("reportError", undefined);
  platform.warn(error);
  expect(logged).toHaveBeenCalledWith(error);
  logged.mockRestore();
});

test("it knows the page's address, and whether it is hidden", () => {
  const { platform, document } = rig();
  expect([platform.baseUrl, platform.isHidden()]).toEqual(["http://host/page", false]);
  document.visibilityState = "hidden";
  expect(platform.isHidden()).toBe(true);
  vi.stubGlobal("document", undefined);
  expect(platform.isHidden()).toBe(false);
});

test("wake-ups go to the client; a network that is away ends the connection that is open", async () => {
  const { platform, request, window, navigator } = rig();
  const calls: unknown[] = [];
  const stop = platform.watch({ onWake: () => void calls.push("wake") });
  window.emit("online");
  const dialed = platform.dial(request);
  FakeSocket.last.open();
  (await dialed).open({ ...quiet, onClosed: ({ code, initiator }) => void calls.push(code, initiator) }).start();
  navigator.onLine = false;
  window.emit("offline");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(calls).toEqual(["wake", 1006, "network"]);
  stop();
  await settle();
  expect([window.listenerCount, vi.getTimerCount()]).toEqual([0, 0]);
});
