import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { ChildClient } from "./clients/child.ts";
import type { Client } from "./clients/client.ts";
import { text } from "./clients/content.ts";
import { runScenarios, type Skip } from "./scenarios/run-scenarios.ts";
import { echo, serve } from "./scenarios/serve.ts";
import { UNDICI_SKIPS } from "./scenarios/web-skips.ts";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

/** A process whose connections to a server share a session of HTTP/2. */
function child(program: string, ...args: readonly string[]): ChildClient {
  const path = fileURLToPath(new URL(`clients/${program}`, import.meta.url));
  return new ChildClient(process.execPath, ["--import", "tsx", path, ...args]);
}

function runOverHttp2(create: () => Client, skip: readonly Skip[] = []): void {
  runScenarios({ create: async () => create(), transport: "h2", skip: [...UNDICI_SKIPS, ...skip] });

  test("its connections come over HTTP/2", async () => {
    const versions: string[] = [];
    const { url } = await serve({ ...echo, connection: ({ request }) => void versions.push(request.raw.httpVersion) });
    const client = create();
    onTestFinished(() => client.end());
    const peers = [await client.open(url), await client.open(url)];
    for (const peer of peers) {
      await peer.send(text("hello"));
      expect(await peer.received(1)).toEqual(["text: hello"]);
    }
    expect(versions).toEqual(["2.0", "2.0"]);
  });
}

describe("undici 7 over HTTP/2", () => {
  runOverHttp2(
    () => child("undici-child.ts", "undici-7"),
    [
      {
        reason: "undici 7 tells nobody of a refusal over HTTP/2, whatever server sends it",
        tests: ["a client that onConnection refuses is not accepted"],
      },
    ],
  );
});

describe.skipIf(major < 22 || (major === 22 && minor < 19))("undici 8 over HTTP/2", () => {
  runOverHttp2(() => child("undici-child.ts", "undici-8"));
});

describe.skipIf(major < 26)("Node's own WebSocket over HTTP/2", () => {
  runOverHttp2(() => child("node-secure-child.ts"));
});
