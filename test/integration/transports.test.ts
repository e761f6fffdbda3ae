import { readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";

/** Which files do not run on HTTP/1.1 and HTTP/2, both with TLS and without, and why. */
const LEFT_OUT: readonly { readonly reason: string; readonly files: readonly string[] }[] = [
  {
    reason: "it is a program, a browser or a runtime, which chooses its transport by itself",
    files: ["busy-handler", "chat-browser", "chromium", "node", "python", "runtimes"],
  },
  {
    reason: "it is a program in front of the server, which chooses the transports of both its sides",
    files: ["chromium-proxy", "client-proxies", "http2-proxy", "proxies", "vite"],
  },
  { reason: "it has the scenarios for clients of HTTP/2", files: ["http2", "http2-browsers", "http2-web"] },
  { reason: "its subject is our client with servers that have HTTP/1.1 only", files: ["client-servers", "client-ws"] },
  { reason: "its subject is our client in runtimes, with a server of HTTP/1.1", files: ["client-runtimes"] },
  { reason: "it has a server of each version of its own, which outlives the WebSocket server", files: ["restarts"] },
  { reason: "Express has HTTP/1.1 only", files: ["express-traffic"] },
  { reason: "it is about servers that Redis joins, of which the transport knows nothing", files: ["chaos", "redis"] },
  {
    reason:
      "it hands requests to the server by handleUpgrade, and its peers are sockets whose buffers it counts: both are of HTTP/1.1",
    files: ["scenario.properties"],
  },
];

test("each file of this folder runs on all transports, or says why not", () => {
  const left = LEFT_OUT.flatMap(({ files }) => files);
  const folder = new URL(".", import.meta.url);
  const names = readdirSync(folder).flatMap((name) => /^(?!transports)(.+)\.test\.ts$/.exec(name)?.[1] ?? []);
  const onAll = names.filter((name) =>
    readFileSync(new URL(`${name}.test.ts`, folder), "utf8").includes("onEachTransport("),
  );
  expect([...left, ...onAll].sort()).toEqual(names.sort());
  expect(onAll.length).toBeGreaterThan(0);
});
