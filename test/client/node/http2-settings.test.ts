import { once } from "node:events";
import { type ClientHttp2Session, connect, createServer } from "node:http2";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { learnSettings, stageOf } from "../../../src/client/node/http2-settings.ts";

const never = new AbortController().signal;

function open(port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {}); // its dials fail
  onTestFinished(() => session.destroy());
  return session;
}

async function serve(enableConnectProtocol: boolean): Promise<ClientHttp2Session> {
  const server = createServer({ settings: { enableConnectProtocol } });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return open((server.address() as AddressInfo).port);
}

test.each([true, false])("what the server has said of WebSockets is known: %s", async (announced) => {
  const session = await serve(announced);
  await learnSettings(session, never);
  expect(session.remoteSettings.enableConnectProtocol).toBe(announced);
});

test("all dials on one session wait for its settings together", async () => {
  const session = await serve(false);
  const pings = vi.spyOn(session, "ping");
  await Promise.all(Array.from({ length: 20 }, () => learnSettings(session, never)));
  await learnSettings(session, never);
  expect(pings).toHaveBeenCalledTimes(1);
  expect(session.listenerCount("close")).toBeLessThan(10);
});

test("it fails as the network if the session has ended, or ends before", async () => {
  const ended = await serve(true);
  ended.destroy();
  await expect(learnSettings(ended, never)).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
  const server = createTcpServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const cut = open((server.address() as AddressInfo).port);
  await expect(learnSettings(cut, never)).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
});

test("it ends when the dial is given up, and another dial waits on", async () => {
  const session = await serve(true);
  const given = new AbortController();
  const first = learnSettings(session, given.signal);
  const other = learnSettings(session, never);
  given.abort(new Error("given up"));
  await expect(first).rejects.toThrow("given up");
  await other;
});

test("a session that has ended is of the network, an error of HTTP/2 is not", () => {
  const stage = (code?: string): string => stageOf(Object.assign(new Error("x"), code !== undefined && { code }));
  expect([stage(), stage("ECONNRESET"), stage("ERR_HTTP2_GOAWAY_SESSION"), stage("ERR_HTTP2_STREAM_ERROR")]).toEqual([
    "tcp",
    "tcp",
    "tcp",
    "http",
  ]);
});

test.each(["destroy", "close"] as const)(
  "a session that the application ends by %s() meanwhile has ended",
  async (end) => {
    for (const inConnect of [true, false]) {
      const session = await serve(true);
      const learnt = learnSettings(session, never);
      if (inConnect) session.once("connect", () => session[end]());
      else session[end]();
      await expect(learnt).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
    }
  },
);

test("a session that is destroyed while its settings are awaited has ended", async () => {
  const silent = createTcpServer((socket) => void socket.resume().on("error", () => {})).listen(0, "127.0.0.1");
  await once(silent, "listening");
  onTestFinished(() => void silent.close());
  for (const end of ["destroy", "close"] as const) {
    const session = open((silent.address() as AddressInfo).port);
    const learnt = learnSettings(session, never);
    await once(session, "connect");
    await new Promise((resolve) => setImmediate(resolve));
    session[end]();
    if (end === "close") session.destroy();
    await expect(learnt).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
  }
});
