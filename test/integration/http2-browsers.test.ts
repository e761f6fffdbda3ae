import { expect, onTestFinished, test } from "vitest";
import { describeWith } from "../support/system.ts";
import { ChromiumClient } from "./clients/chromium.ts";
import type { Client } from "./clients/client.ts";
import { text } from "./clients/content.ts";
import { FirefoxClient } from "./clients/firefox.ts";
import { runScenarios, type Skip } from "./scenarios/run-scenarios.ts";
import { echo, serve } from "./scenarios/serve.ts";
import { WEB_SKIPS } from "./scenarios/web-skips.ts";

function runInBrowser(create: () => Client, skip: readonly Skip[] = []): void {
  runScenarios({ create: async () => create(), transport: "h2", skip: [...WEB_SKIPS, ...skip] });

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
}

describeWith("chromium", "Chromium over HTTP/2", (chromium) => {
  runInBrowser(() => new ChromiumClient(chromium, { ignoreHTTPSErrors: true }));
});

describeWith("firefox", "Firefox over HTTP/2", (firefox) => {
  runInBrowser(
    () => new FirefoxClient(firefox),
    [
      {
        reason: "a tab cannot be stopped",
        tests: ["a client that reads late gets everything in order, and delays no other"],
      },
    ],
  );
});
