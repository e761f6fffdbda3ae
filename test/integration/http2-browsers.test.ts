import { expect, onTestFinished, test } from "vitest";
import { describeWith } from "../support/system.ts";
import { ChromiumClient } from "./clients/chromium.ts";
import type { Client } from "./clients/client.ts";
import { text } from "./clients/content.ts";
import { FirefoxClient } from "./clients/firefox.ts";
import { runScenarios, type Skip } from "./scenarios/run-scenarios.ts";
import { echo, serve } from "./scenarios/serve.ts";

const SKIPS: readonly Skip[] = [
  {
    reason: "a page cannot send pings, pongs and fragments",
    tests: [
      "a message that the client sends in fragments arrives as one",
      "pings between the fragments of a message are answered at once",
      "a client's pings are answered with their payload",
      "unsolicited pongs are ignored",
    ],
  },
  { reason: "a page closes with 1000 and 3000 to 4999 only", tests: ["the client closes with 1001"] },
  { reason: "a page does not see the status", tests: ["a client sees the status of its refusal"] },
];

function runInBrowser(create: () => Client, skip: readonly Skip[] = []): void {
  runScenarios({ create: async () => create(), transport: "h2", skip: [...SKIPS, ...skip] });

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
