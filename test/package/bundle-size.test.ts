import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";
import type * as browserClient from "../../src/client-browser.ts";
import { bundleBrowserClient } from "../../scripts/browser-client.ts";

const KIB = 1024;

/** What a bundler makes of an entry on Node. */
async function bundleForNode(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../../src/${entry}`, import.meta.url))],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "node20",
    legalComments: "none",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

/** The size as it goes over the network, rounded up to a quarter of a KiB. */
function quarters(code: string): number {
  return Math.ceil((gzipSync(code, { level: 9 }).length / KIB) * 4) / 4;
}

// A change that makes one larger raises its budget on purpose, or not at all.
test.each([
  ["the client for browsers", () => bundleBrowserClient(), 13.5],
  ["the client with topics for browsers", () => bundleBrowserClient("client-topics-browser.ts"), 16.25],
  ["hawser/client on Node", () => bundleForNode("client.ts"), 58.75],
  ["hawser/client/topics on Node", () => bundleForNode("client-topics.ts"), 61.75],
  ["hawser/redis", () => bundleForNode("redis.ts"), 14.25],
  ["hawser", () => bundleForNode("hawser.ts"), 86.25],
  ["hawser/streams", () => bundleForNode("streams.ts"), 5.5],
  ["hawser/ws", () => bundleForNode("ws.ts"), 88.75],
] as const)("%s, minified and with gzip, is within its budget", async (_what, bundle, budget) => {
  expect(quarters(await bundle())).toBeLessThanOrEqual(budget);
});

test.each(["client-browser.ts", "client-topics-browser.ts"] as const)("%s needs nothing of Node", async (entry) => {
  const code = await bundleBrowserClient(entry);
  expect(code).not.toMatch(/\bnode:|\bBuffer\b|\bprocess\b|\brequire\b|\bimport\b/);
  expect(code).toContain("HWS_CONNECT_FAILED");
});

test("an error of the client for browsers has its text, its number and its part", async () => {
  const url = `data:text/javascript,${encodeURIComponent(await bundleBrowserClient())}`;
  const { HawserError } = (await import(url)) as typeof browserClient;
  expect(new HawserError("HWS_PEER_SILENT", "more")).toMatchObject({
    code: "HWS_PEER_SILENT",
    errCode: 208,
    componentSignature: "hwcn",
    message: expect.stringMatching(/^The peer did not answer .*: more$/) as string,
  });
});
