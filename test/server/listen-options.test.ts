import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WebSocketServer } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { InvalidArgumentError } from "../../src/errors/errors.ts";
import { type ListenOptions, hasReusePort, listenAddress, readListen } from "../../src/server/listen-options.ts";
import { Recorder } from "../support/live-server.ts";
import { portOf } from "../support/peer.ts";

const ECHO = { onConnection: () => new Recorder({ message: (ws, data) => ws.send(data) }) };

/** What a client of `url` gets back for a text. */
async function echoed(url: string): Promise<string> {
  const client = new WebSocket(url);
  await once(client, "open");
  client.send("hello");
  const [data] = (await once(client, "message")) as [Buffer];
  client.terminate();
  return data.toString();
}

describe("the options of net.Server.listen()", () => {
  test("are passed on as they are", () => {
    const listen = { path: "/tmp/x", backlog: 5, readableAll: true };
    expect(listenAddress(undefined, undefined, readListen(listen))).toEqual(listen);
    expect(readListen(undefined)).toBeUndefined();
    expect(listenAddress(undefined, undefined, undefined)).toBeUndefined();
  });

  test.each([5, null, "/tmp/x", true])("%j is no object", (listen) => {
    expect(() => readListen(listen)).toThrow(InvalidArgumentError);
    expect(() => readListen(listen)).toThrow(/^listen: expected an object/);
  });

  test("another name is an error, with the name that may be meant", () => {
    expect(() => readListen({ ipV6Only: true })).toThrow(
      /^listen: there is no option "ipV6Only": did you mean ipv6Only\?/,
    );
    expect(() => readListen({ nonsense: 1 })).toThrow(/^listen: there is no option "nonsense"$/);
  });

  test("an undefined value is as none, and null is none", () => {
    expect(listenAddress(undefined, undefined, readListen({ path: "/tmp/x", port: undefined }))).toEqual({
      path: "/tmp/x",
    });
    expect(() => readListen({ path: "/tmp/x", port: null })).toThrow(/^listen: port: expected a value, got null/);
    expect(() => listenAddress(undefined, "::1", { path: "/tmp/x" })).toThrow(
      /^listen: host: only together with a port/,
    );
    expect(() => readListen({ port: 1, signal: AbortSignal.abort() })).toThrow(/^listen: there is no option "signal"/);
  });

  test("a value that Node does not take is an error of the constructor", () => {
    for (const listen of [{ port: 70_000 }, { port: "x" }])
      expect(() => new WebSocketServer(ECHO, { listen: listen as ListenOptions })).toThrow(/^listen: /);
  });

  test.each([
    ["20.19.0", false],
    ["22.11.0", false],
    ["22.12.0", true],
    ["23.0.0", false],
    ["23.1.0", true],
    ["24.0.0", true],
  ])("Node %s knows reusePort: %s", (version, known) => {
    expect(hasReusePort(version)).toBe(known);
  });

  test.skipIf(hasReusePort(process.versions.node))("reusePort throws where Node would ignore it", () => {
    expect(() => readListen({ port: 0, reusePort: true })).toThrow(/^listen: reusePort needs Node 22\.12 or newer/);
    expect(readListen({ port: 0, reusePort: false })).toEqual({ port: 0, reusePort: false });
  });

  test.runIf(hasReusePort(process.versions.node))("two servers may share a port", async () => {
    const one = new WebSocketServer(ECHO, { host: "127.0.0.1", listen: { port: 0, reusePort: true } });
    onTestFinished(() => one.terminate(0));
    const port = await portOf(one);
    const other = new WebSocketServer(ECHO, { host: "127.0.0.1", listen: { port, reusePort: true } });
    onTestFinished(() => other.terminate(0));
    await other.ready;
    expect(await echoed(`ws://127.0.0.1:${String(port)}`)).toBe("hello");
  });
});

test("a server listens on a Unix socket, and removes it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "hawser-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "app.sock");
  const wss = new WebSocketServer(ECHO, { listen: { path } });
  onTestFinished(() => wss.terminate(0));
  await wss.ready;
  expect(wss.address()).toBe(path);
  expect(await echoed(`ws+unix:${path}:/`)).toBe("hello");
  await wss.terminate();
  const again = new WebSocketServer(ECHO, { listen: { path } });
  await again.ready;
  await again.terminate(0);
});

test("a server takes a socket that listens already, as systemd gives it", async () => {
  const listening = createServer().listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as { port: number };
  const { fd } = (listening as unknown as { _handle: { fd: number } })._handle;
  const program = `
    import { WebSocketServer } from "./src/hawser.ts";
    const wss = new WebSocketServer({ onConnection: () => ({ onMessage: (ws, { data }) => ws.send(data) }) }, { listen: { fd: 3 } });
    await wss.ready;
    console.log("ready");`;
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit", fd],
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  listening.close();
  for await (const line of createInterface({ input: child.stdout! })) {
    expect(line).toBe("ready");
    break;
  }
  expect(await echoed(`ws://127.0.0.1:${String(port)}`)).toBe("hello");
});
