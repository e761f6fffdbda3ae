import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { createViteServer } from "vitest/node";
import { portOf } from "../support/peer.ts";
import { documented } from "./proxies/proxy.ts";
import { type Entrance, enter, originOf, statusOf } from "./proxies/visit.ts";
import { type Served, serve } from "./scenarios/serve.ts";
import type { WebSocketServerOptions } from "hawser";

/** Vite's development server with this configuration, in front of a server of ours. */
async function front(configuration: string, options: WebSocketServerOptions = {}): Promise<Served & Entrance> {
  const served = await serve(undefined, { path: "/live", ...options });
  const folder = mkdtempSync(join(tmpdir(), "hawser-vite-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const configFile = join(folder, "vite.config.mjs");
  writeFileSync(configFile, configuration.replaceAll("127.0.0.1:8080", new URL(served.url).host));
  const vite = await createViteServer({
    configFile,
    root: folder,
    cacheDir: join(folder, "cache"),
    logLevel: "silent",
    optimizeDeps: { noDiscovery: true },
    server: { host: "127.0.0.1", port: 0, watch: null },
  });
  onTestFinished(() => vite.close());
  await vite.listen(0);
  return { ...served, port: await portOf(vite.httpServer!), isSecure: false };
}

/** The configuration with more options of the proxy. */
function configured(more: string): string {
  return documented("js").replace("ws: true", `ws: true, ${more}`);
}

test("the page of Vite's development server connects, as docs/guides/behind-a-proxy.md says", async () => {
  const fronted = await front(documented("js"));
  const socket = await enter(fronted, { origin: originOf(fronted), path: "/live" });
  socket.send("hello");
  expect((await once(socket, "message"))[0]).toEqual(Buffer.from("hello"));
});

test.each([
  ["changeOrigin: true", configured("changeOrigin: true")],
  ["a text as its target", documented("js").replace(/\{ target: ("[^"]+"), ws: true \}/, "$1")],
  ["changeOrigin and xfwd, which tells no host", configured("changeOrigin: true, xfwd: true")],
])("with %s the Host is that of the target: 403, and a warning", async (_what, configuration) => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  onTestFinished(() => warn.mockRestore());
  const fronted = await front(configuration, { trustProxy: "loopback" });
  expect(await statusOf(fronted, { origin: originOf(fronted), path: "/live" })).toBe(403);
  expect(fronted.wss.counters.refused.origin).toBe(1);
  const warnings = warn.mock.calls.map(([text]) => String(text)).filter((text) => text.includes("origin"));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(`Host is "${new URL(fronted.url).host}"`);
  expect(warnings[0]).toContain(`add "${originOf(fronted)}" to the option origins`);
});

test("with changeOrigin the page connects when its origin is listed", async () => {
  const fronted = await front(configured("changeOrigin: true"), { origins: ["same", "http://127.0.0.1:*"] });
  expect(await statusOf(fronted, { origin: originOf(fronted), path: "/live" })).toBe(101);
});
