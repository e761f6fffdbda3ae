import { type HawserError, WebSocketServer } from "hawser";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { Readiness } from "../../src/server/readiness.ts";

const HANDLER = { onConnection: () => null };
const LOCAL = { port: 0, host: "127.0.0.1" } as const;

async function usedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.close();
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

test("the first result counts", async () => {
  const readiness = new Readiness();
  readiness.resolve();
  readiness.reject(new Error("too late"));
  expect(readiness.isRead).toBe(false);
  await expect(readiness.promise).resolves.toBeUndefined();
  expect(readiness.isRead).toBe(true);
});

test("after a failure, a start makes a new promise, and the old one stays rejected", async () => {
  const readiness = new Readiness();
  const { promise } = readiness;
  readiness.reject(new Error("in use"));
  expect(readiness.promise).toBe(promise);
  readiness.resolve();
  await expect(promise).rejects.toThrow("in use");
  await expect(readiness.promise).resolves.toBeUndefined();
});

describe("wss.ready", () => {
  test("resolves when an own web server listens", async () => {
    const wss = new WebSocketServer(HANDLER, LOCAL);
    onTestFinished(() => wss.terminate(0));
    await wss.ready;
    expect(wss.address()).toMatchObject({ address: "127.0.0.1" });
  });

  test("resolves when the user's web server listens, and not before", async () => {
    const server = createServer();
    onTestFinished(() => {
      server.close();
    });
    const wss = new WebSocketServer(HANDLER, { server });
    onTestFinished(() => wss.terminate(0));
    const done = wss.ready.then(() => server.listening);
    server.listen(0, "127.0.0.1");
    expect(await done).toBe(true);
  });

  test("resolves at once with handleUpgrade only", async () => {
    const wss = new WebSocketServer(HANDLER);
    onTestFinished(() => wss.terminate(0));
    await expect(wss.ready).resolves.toBeUndefined();
  });

  test("rejects with the error of a port in use, which then needs no onError", async () => {
    const wss = new WebSocketServer(HANDLER, { ...LOCAL, port: await usedPort() });
    await expect(wss.ready).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  test("rejects with the error of the user's web server", async () => {
    const server = createServer().on("error", () => undefined);
    const wss = new WebSocketServer(HANDLER, { server });
    onTestFinished(() => wss.terminate(0));
    const { ready } = wss;
    server.listen(await usedPort(), "127.0.0.1");
    await expect(ready).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  test("is a new promise when the user's web server then listens on another port", async () => {
    const opened: string[] = [];
    const server = createServer().on("error", () => server.listen(0, "127.0.0.1"));
    onTestFinished(() => void server.close());
    const wss = new WebSocketServer({ ...HANDLER, onOpen: () => opened.push("open") }, { server });
    onTestFinished(() => wss.terminate(0));
    const { ready } = wss;
    const port = await usedPort();
    const listening = new Promise((resolve) => server.once("listening", resolve));
    server.listen(port, "127.0.0.1");
    await expect(ready).rejects.toMatchObject({ code: "EADDRINUSE" });
    await listening;
    await expect(wss.ready).resolves.toBeUndefined();
    expect(opened).toEqual(["open"]);
  });

  test("rejects when the server was terminated before it listened", async () => {
    const wss = new WebSocketServer(HANDLER, LOCAL);
    await wss.terminate(0);
    const error = await wss.ready.then(
      () => undefined,
      (reason: unknown) => reason as HawserError,
    );
    expect(error?.code).toBe("HWS_NOT_STARTED");
  });
});

test("a port in use without onError, and without a reader of ready, ends the process with an error", async () => {
  const port = await usedPort();
  const script = `
    import { WebSocketServer } from "./src/hawser.ts";
    new WebSocketServer({ onConnection: () => null }, { port: ${String(port)}, host: "127.0.0.1" });
    setTimeout(() => undefined, 20_000);
  `;
  const [status, stderr] = await new Promise<[unknown, string]>((resolve) => {
    execFile(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], (error, _out, text) =>
      resolve([error?.code, text]),
    );
  });
  expect(status).toBe(1);
  expect(stderr).toContain("EADDRINUSE");
});
