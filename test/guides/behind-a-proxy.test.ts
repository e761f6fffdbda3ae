import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { SLOW, usePage } from "../support/page-project.ts";

// The configurations of the page are run in test/integration/proxies.test.ts and vite.test.ts.
const project = usePage("docs/guides/behind-a-proxy.md");

test(
  "a health check gets 200, and 503 while the server is draining",
  async () => {
    const server = await project().start("health.js");
    const statusOf = async (path: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${String(server.port)}${path}`, { headers: { connection: "close" } })).status;
    const client = new WebSocket(`ws://127.0.0.1:${String(server.port)}`);
    await once(client, "open");
    expect([await statusOf("/health"), await statusOf("/other")]).toEqual([200, 404]);

    // It does not read the close frame, so the server waits for it.
    client.pause();
    const stopped = server.stop();
    while ((await statusOf("/health")) === 200) await delay(20);
    expect(await statusOf("/health")).toBe(503);
    client.terminate();
    expect(await stopped).toBe(0);
  },
  SLOW,
);
