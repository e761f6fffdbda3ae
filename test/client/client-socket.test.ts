import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ClientSocket, checkClientHandler, whenOpen } from "../../src/client/client-socket.ts";
import { clientSettings, sharedOptions } from "../../src/client/settings.ts";
import { readTable } from "../../src/util/option-table.ts";
import { FakePlatform, refused } from "../support/fake-client-platform.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

function client(handler: object = {}, options: object = {}) {
  const platform = new FakePlatform();
  const settings = clientSettings("ws://user:secret@server/", readTable(sharedOptions, options), undefined);
  return { platform, ws: new ClientSocket(handler, { settings, dataType: "text", platform }) };
}

async function opened(handler?: object, options?: object) {
  const { platform, ws } = client(handler, options);
  await turn();
  platform.dials.at(-1)?.accept();
  await turn();
  const link = platform.links.at(-1);
  if (link === undefined) throw new Error("no link");
  return { platform, ws, link };
}

test("nothing is dialed or called back before the constructor has returned", async () => {
  const { platform, ws } = client();
  expect([platform.dials.length, ws.status, ws.attempt, ws.url]).toEqual([0, "Connecting", 0, "ws://server/"]);
  ws.destroy();
  await ws.closed;
});

test("the version of HTTP is known when it is connected", async () => {
  const { ws } = client();
  expect(ws.httpVersion).toBeUndefined();
  ws.destroy();
  expect((await opened()).ws.httpVersion).toBe("1.1");
});

test("the callbacks get the client, whose signal aborts at its end", async () => {
  const clients: unknown[] = [];
  const { ws } = await opened({ onOpen: (one: unknown) => clients.push(one) });
  expect([clients, ws.signal.aborted]).toEqual([[ws], false]);
  ws.destroy();
  expect(ws.signal.aborted).toBe(true);
  await ws.closed;
});

test("connect resolves with the first open, and rejects with what ended the client before", async () => {
  const open = client();
  const promise = whenOpen(open.ws);
  await turn();
  open.platform.dials[0]?.accept();
  expect(await promise).toBe(open.ws);
  open.ws.destroy();
  await open.ws.closed;
  const failed = client();
  const rejected = expect(whenOpen(failed.ws)).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED" });
  await turn();
  failed.platform.dials[0]?.fail(refused());
  await rejected;
  const terminated = client();
  const aborted = expect(whenOpen(terminated.ws)).rejects.toMatchObject({ code: "HWS_ABORTED" });
  terminated.ws.terminate();
  await aborted;
});

test("an iteration loses nothing over a reconnect, and its end closes with 1000", async () => {
  const { platform, ws, link } = await opened({}, { reconnect: true });
  link.deliver("1");
  await turn();
  link.lose(1006);
  ws.reconnect();
  await turn();
  platform.dials.at(-1)?.accept();
  await turn();
  platform.links[1]?.deliver("2");
  const received: unknown[] = [];
  for await (const data of ws) {
    received.push(data);
    if (received.length < 2) continue;
    setTimeout(() => platform.links[1]?.lose(1000), 0);
    void vi.advanceTimersByTimeAsync(1);
    break;
  }
  expect([received, platform.links[1]?.closes]).toEqual([["1", "2"], [1000]]);
  expect(await ws.closed).toMatchObject({ code: 1000 });
});

test("async disposal closes with 1000 and waits", async () => {
  const { ws, link } = await opened();
  const disposed = ws[Symbol.asyncDispose]();
  expect(link.closes).toEqual([1000]);
  link.lose(1000);
  await disposed;
  expect(ws.status).toBe("Closed");
});

test("a handler with onMessage has no iteration", async () => {
  const { ws } = client({ onMessage: () => undefined });
  expect(() => ws.next()).toThrow("onMessage");
  ws.destroy();
  await ws.closed;
});

test("a handler is an object whose callbacks are functions", () => {
  for (const wrong of [null, 7, "x", undefined]) expect(() => checkClientHandler(wrong)).toThrow("handler: expected");
  expect(() => checkClientHandler({ onOpen: 7 })).toThrow("handler: onOpen: expected a function");
  expect(() => checkClientHandler({ onOpen: null, other: 7 })).not.toThrow();
});
