import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { ClientOptions } from "../../src/client/options.ts";
import { certificate } from "../support/certificate.ts";
import { RecordedClient, failedDial } from "../support/recorded-client.ts";
import { describeWith } from "../support/system.ts";
import { accepts, freePort } from "../support/ports.ts";
import { configuration, haproxy, nginx, startProxy } from "./proxies/proxy.ts";
import { runServerScenarios } from "./servers/run-server-scenarios.ts";
import { type EchoServer, wsServer } from "./servers/server.ts";

const tls = { ca: certificate.cert };

/** Sends a text and waits for the echo. */
async function echo(url: string, options: ClientOptions): Promise<unknown> {
  const client = new RecordedClient(url, options);
  await expect.poll(() => client.calls, { timeout: 20_000 }).toContain("open");
  client.ws.send("through");
  await expect.poll(() => client.messages.length, { timeout: 20_000 }).toBe(1);
  return client.messages[0];
}

for (const [name, program, site] of [
  ["nginx", nginx, configuration("nginx-manual.conf")],
  ["haproxy", haproxy, configuration("haproxy.cfg")],
] as const) {
  describeWith(name, `${name} in front of a server`, (path) => {
    for (const isSecure of [false, true]) {
      test(isSecure ? "over TLS" : "without TLS", async () => {
        const server = await wsServer();
        onTestFinished(() => server.stop());
        const port = await startProxy(program(path), site, Number(new URL(server.url).port), isSecure);
        const url = `${isSecure ? "wss" : "ws"}://127.0.0.1:${String(port)}`;
        expect(await echo(url, { tls })).toBe("through");
        await server.stop();
        // 502 or 503: it may be there again soon.
        const error = await failedDial(url, { tls });
        expect(error).toMatchObject({ code: "HWS_REFUSED", stage: "http" });
        expect([502, 503]).toContain(error.status);
      });
    }
  });
}

interface Tinyproxy {
  readonly url: string;
  stop(): Promise<void>;
}

/** Tinyproxy, with these lines in its configuration. */
async function tinyproxy(path: string, lines: readonly string[]): Promise<Tinyproxy> {
  const folder = mkdtempSync(join(tmpdir(), "hawser-tinyproxy-"));
  const port = await freePort();
  const common = [`Port ${String(port)}`, "Listen 127.0.0.1", "Timeout 600", "MaxClients 50", "LogLevel Error"];
  writeFileSync(join(folder, "tinyproxy.conf"), [...common, ...lines, ""].join("\n"));
  const child = spawn(path, ["-d", "-c", join(folder, "tinyproxy.conf")], { stdio: "ignore" });
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`tinyproxy has ended: ${String(child.exitCode)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    url: `http://127.0.0.1:${String(port)}`,
    stop: async () => {
      await end(child);
      rmSync(folder, { recursive: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "close");
  child.kill("SIGKILL");
  await ended;
}

describeWith("tinyproxy", "a server through Tinyproxy", (path) => {
  let proxy: Tinyproxy | undefined;
  const options = { proxy: () => proxy!.url, tls };
  beforeAll(async () => {
    proxy = await tinyproxy(path, []);
  });
  afterAll(() => proxy?.stop());

  describe("ws:", () => {
    runServerScenarios(() => wsServer(), { options });
  });

  describe("wss:", () => {
    runServerScenarios(() => wsServer({ isSecure: true }), { options });
  });

  test("a server that is not there", async () => {
    const error = await failedDial("ws://127.0.0.1:9", { proxy: proxy!.url });
    expect(error).toMatchObject({ code: "HWS_PROXY_FAILED", stage: "proxy" });
    expect(error.status).toBeGreaterThanOrEqual(500);
  });

  test("it is found in the environment", async () => {
    vi.stubEnv("all_proxy", proxy!.url);
    vi.stubEnv("no_proxy", "");
    onTestFinished(() => void vi.unstubAllEnvs());
    // The loopback is never reached through it, so another host is asked for. Nobody knows it.
    expect(await failedDial("ws://host.invalid")).toMatchObject({ code: "HWS_PROXY_FAILED" });
  });
});

describeWith("tinyproxy", "Tinyproxy with a password", (path) => {
  let proxy: Tinyproxy | undefined;
  let server: EchoServer | undefined;
  const withUser = (user: string): string => proxy!.url.replace("//", `//${user}@`);
  beforeAll(async () => {
    proxy = await tinyproxy(path, ["BasicAuth user pass"]);
    server = await wsServer();
  });
  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
  });

  test("the right one", async () => {
    expect(await echo(server!.url, { proxy: withUser("user:pass") })).toBe("through");
  });

  test.each(["", "user:wrong", "user"])("another one is 407, which is final: %j", async (user) => {
    const options = { proxy: user === "" ? proxy!.url : withUser(user) };
    const client = new RecordedClient(server!.url, { ...options, reconnect: true });
    await client.ended;
    expect(client.calls).toEqual(["error", "terminate"]);
    expect(client.connectError).toMatchObject({ code: "HWS_PROXY_FAILED", stage: "proxy" });
    // Tinyproxy answers 401 to a wrong password.
    expect([401, 407]).toContain(client.connectError.status);
    expect(client.connectError.message).not.toContain("wrong");
  });

  test("it never reaches the server", async () => {
    const client = new RecordedClient(server!.url, { proxy: withUser("user:pass") });
    await expect.poll(() => client.calls).toContain("open");
    client.ws.send("header:Proxy-Authorization");
    await expect.poll(() => client.messages).toEqual(["none"]);
  });
});
