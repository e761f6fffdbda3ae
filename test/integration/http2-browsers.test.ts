import { beforeAll, expect, onTestFinished, test } from "vitest";
import { isLong } from "../support/long.ts";
import { describeWith } from "../support/system.ts";
import { useTransport } from "../support/transport.ts";
import { ChromiumClient } from "./clients/chromium.ts";
import type { Client } from "./clients/client.ts";
import { text } from "./clients/content.ts";
import { FirefoxClient } from "./clients/firefox.ts";
import { runScenarios, type Skip } from "./scenarios/run-scenarios.ts";
import { echo, serve } from "./scenarios/serve.ts";
import { WEB_SKIPS } from "./scenarios/web-skips.ts";

/** The code, the initiator and the cause of `onTerminate`: the browser has sent a close frame, or has only reset the stream. */
const CLOSED = [1001, "peer", undefined] as const;
const RESET = [1006, "network", "HWS_STREAM_ENDED"] as const;

/** @param left what the server is told when a page with a WebSocket over HTTP/2 is left */
function runInBrowser(create: () => Client, left: typeof CLOSED | typeof RESET, skip: readonly Skip[] = []): void {
  beforeAll(() => {
    useTransport("h2");
  });
  // Chromium runs them over HTTP/1.1 elsewhere, and other clients over HTTP/2.
  if (isLong) runScenarios({ create: async () => create(), transport: "h2", skip: [...WEB_SKIPS, ...skip] });

  test("its connections come over HTTP/2, and share one session", async () => {
    const versions: string[] = [];
    const { url, sockets } = await serve({
      ...echo,
      connection: ({ request }) => void versions.push(request.raw.httpVersion),
    });
    const client = create();
    onTestFinished(() => client.end());
    const peers = [await client.open(url), await client.open(url)];
    for (const peer of peers) {
      await peer.send(text("hello"));
      expect(await peer.received(1)).toEqual(["text: hello"]);
    }
    expect(versions).toEqual(["2.0", "2.0"]);
    expect(sockets).toHaveLength(1);
  });

  test.each([
    ["h2", left],
    ["tls", CLOSED],
  ] as const)("what the server is told when a page is left: %s", async (transport, expected) => {
    useTransport(transport);
    onTestFinished(() => {
      useTransport("h2");
    });
    const { url, recorders } = await serve(echo);
    const client = create();
    onTestFinished(() => client.end());
    const peer = await client.open(url);
    await peer.send(text("hello"));
    expect(await peer.received(1)).toEqual(["text: hello"]);
    // The tab is used again: it goes to another page.
    if (client instanceof ChromiumClient) await peer.dispose();
    await client.open(`${url}?another`);
    await recorders[0]!.over;
    const { code, initiator, cause } = recorders[0]!.terminated!;
    expect([code, initiator, cause?.code]).toEqual(expected);
  });
}

describeWith("chromium", "Chromium over HTTP/2", (chromium) => {
  runInBrowser(() => new ChromiumClient(chromium, { ignoreHTTPSErrors: true }), RESET);
});

describeWith("firefox", "Firefox over HTTP/2", (firefox) => {
  runInBrowser(() => new FirefoxClient(firefox), CLOSED, [
    {
      reason: "a tab cannot be stopped",
      tests: ["a client that reads late gets everything in order, and delays no other"],
    },
  ]);
});
