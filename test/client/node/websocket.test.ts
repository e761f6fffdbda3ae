import { InvalidArgumentError, OutOfRangeError, WebSocket } from "hawser/client";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import { startServer } from "../../support/live-server.ts";
import { deferred, portOf } from "../../support/peer.ts";
import { RecordedClient } from "../../support/recorded-client.ts";
import { scriptServer, unmasked } from "../../support/scripted-server.ts";

const nowhere = "ws://127.0.0.1:9";

test("nothing is called back, and nothing dialed, before the constructor has returned", async () => {
  const onError = vi.fn();
  const ws = new WebSocket(nowhere, { onError });
  expect(onError).not.toHaveBeenCalled();
  expect(ws.status).toBe("Connecting");
  await ws.closed;
  expect(onError).toHaveBeenCalledTimes(1);
});

test.each<[string, unknown[], new () => Error]>([
  ["no URL", [undefined], InvalidArgumentError],
  ["a fragment", ["ws://a/#b"], InvalidArgumentError],
  ["another scheme", ["ftp://a"], InvalidArgumentError],
  ["a handler that is no object", ["ws://a", 1], InvalidArgumentError],
  ["a callback that is no function", ["ws://a", { onMessage: 1 }], InvalidArgumentError],
  ["an unknown option", ["ws://a", {}, { perMessageDeflate: true }], InvalidArgumentError],
  ["an option out of range", ["ws://a", {}, { handshakeTimeout: -1 }], OutOfRangeError],
  ["two data types", ["ws://a", { dataType: "text" }, { dataType: "blob" }], InvalidArgumentError],
  ["options that are null", ["ws://a", {}, null], InvalidArgumentError],
])("throws for a wrong argument, and dials nothing: %s", (_what, args, error) => {
  const construct = (): unknown => Reflect.construct(WebSocket, args);
  expect(construct).toThrow(error);
});

test("without reconnect a reset is told to onError before onTerminate, also if a callback never settles", async () => {
  const { url } = await scriptServer(async (peer) => {
    await peer.accept([], unmasked(0x81, "a"));
    setTimeout(() => peer.socket.resetAndDestroy(), 20);
  });
  const calls: string[] = [];
  const ws = new WebSocket(
    url,
    {
      onMessage: () => new Promise(() => undefined),
      onError: (_ws, { errors }) => void calls.push(String((errors[0].cause as { code?: unknown }).code)),
      onTerminate: () => void calls.push("terminate"),
    },
    { closeTimeout: 100 },
  );
  await ws.closed;
  expect(calls).toEqual(["HWS_STREAM_FAILED", "terminate"]);
});

test.each([
  ["whileAway", "reconnect: { whileAway }"],
  ["maxAttempts", "reconnect: { maxAttempts }"],
  ["maxPayload", "maxMessageSize"],
])("the error of an option %s names the one that is meant", (name, meant) => {
  expect(() => Reflect.construct(WebSocket, [nowhere, {}, { [name]: 1 }]) as unknown).toThrow(`did you mean ${meant}?`);
});

test("a callback of another name is a warning, once for all clients with such a handler", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  onTestFinished(() => warn.mockRestore());
  for (const onReconnect of [() => 1, () => 2]) {
    const ws = new WebSocket(nowhere, { onReconnect, onError: () => undefined });
    await ws.closed;
  }
  expect(warn.mock.calls).toEqual([
    [
      "A handler has the method onReconnect, which is never called: did you mean onReconnected?",
      { type: "HawserWarning", code: "HWS_CALLBACK_NAME" },
    ],
  ]);
});

test("connect resolves when onOpen has settled", async () => {
  const { port } = await startServer();
  const calls: string[] = [];
  const ws = await WebSocket.connect(`ws://127.0.0.1:${String(port)}/`, {
    async onOpen() {
      await Promise.resolve();
      calls.push("open");
    },
  });
  onTestFinished(() => ws.destroy());
  expect(calls).toEqual(["open"]);
  expect([ws.status, ws.url, ws.dataType]).toEqual(["Connected", `ws://127.0.0.1:${String(port)}/`, "text"]);
});

test("connect rejects with what ended the client", async () => {
  await expect(WebSocket.connect(nowhere)).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
  const { url } = await scriptServer(async (peer) => {
    await peer.request();
    peer.write("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
  });
  await expect(WebSocket.connect(url)).rejects.toMatchObject({ code: "HWS_REFUSED", status: 403 });
  const reason = new Error("enough");
  await expect(WebSocket.connect(url, {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  await expect(WebSocket.connect(url, {}, { signal: AbortSignal.abort("text") })).rejects.toBe("text");
});

test("`await using` ends it", async () => {
  const { port, recorders } = await startServer();
  {
    await using ws = await WebSocket.connect(`ws://127.0.0.1:${String(port)}`);
    expect(ws.status).toBe("Connected");
  }
  await recorders[0]!.over;
  expect(recorders[0]!.end).toEqual([1000, undefined]);
});

/** A promise that never settles. */
const never = new Promise(() => undefined);

test("a handler that never settles holds back the answer to a close frame, and onTerminate, for closeTimeout each at most", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => {
    server.close();
  });
  const answered = deferred<number>();
  server.on("connection", (peer) => {
    for (const text of ["one", "two", "three"]) peer.send(text);
    peer.close(4000, "bye");
    peer.on("close", answered.resolve);
  });
  const client = new RecordedClient(`ws://127.0.0.1:${String(await portOf(server))}`, { closeTimeout: 50 });
  client.hold = never;
  expect(await answered.promise).toBe(4000);
  expect(await client.ended).toEqual({
    type: "terminate",
    code: 4000,
    reason: "bye",
    initiator: "peer",
    cause: undefined,
  });
});

test.each(["resets", "ends"] as const)(
  "a server that is not read and %s its connection is noticed by the pings that are still sent",
  async (how) => {
    const { url } = await scriptServer(async (peer) => {
      // More than is read ahead.
      await peer.accept([], ...Array.from({ length: 300 }, () => unmasked(0x82, "x".repeat(1000))));
      for (let pings = 0; pings < 3;) if ((await peer.raw.frame())?.opcode === 9) pings++;
      if (how === "resets") peer.socket.resetAndDestroy();
      else peer.socket.destroy();
    });
    const client = new RecordedClient(url, { pingInterval: 40, closeTimeout: 50 });
    client.hold = never;
    expect(await client.ended).toMatchObject({ code: 1006, initiator: "network" });
  },
);
