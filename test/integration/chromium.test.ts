import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { describeWith } from "../support/system.ts";
import { ChromiumClient } from "./clients/chromium.ts";
import { Refused } from "./clients/client.ts";
import { text } from "./clients/content.ts";
import { openWebPeer } from "./clients/web-peer.ts";
import { runScenarios } from "./scenarios/run-scenarios.ts";
import { echo, type Served, serve } from "./scenarios/serve.ts";
import { WEB_SKIPS } from "./scenarios/web-skips.ts";

/** The address of a page of another origin: another port is another origin. */
async function serveElsewhere(): Promise<string> {
  const web = createServer((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>A page from elsewhere</title>");
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  onTestFinished(() => {
    web.close();
    web.closeAllConnections();
  });
  return `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
}

describeWith("chromium", "Chromium", (chromium) => {
  const client = new ChromiumClient(chromium);
  runScenarios({ create: async () => client, skip: WEB_SKIPS });

  // shows 6455-4.2.2-2
  test("a page of another origin is refused, a page of the server's own host is accepted", async () => {
    const { url, recorders } = await serve();
    await expect(client.openFrom(await serveElsewhere(), url)).rejects.toThrow(Refused);
    expect(recorders).toHaveLength(0);
    const peer = await client.open(url);
    onTestFinished(() => peer.dispose());
    await peer.send(text("from here"));
    expect(await peer.received(1)).toEqual(["text: from here"]);
  });

  test("a page of another origin is accepted when its origin is listed, and no other", async () => {
    const [friend, stranger] = [await serveElsewhere(), await serveElsewhere()];
    const { url, recorders } = await serve(echo, { origins: [friend] });
    await expect(client.openFrom(stranger, url)).rejects.toThrow(Refused);
    expect(recorders).toHaveLength(0);
    const peer = await client.openFrom(friend, url);
    onTestFinished(() => peer.dispose());
    await peer.send(text("from a friend"));
    expect(await peer.received(1)).toEqual(["text: from a friend"]);
  });

  test("the browser's cookies come with the request", async () => {
    const cookies: unknown[] = [];
    const { url } = await serve({ connection: ({ request }) => void cookies.push(request.headers.cookie) });
    const page = await visit(url);
    await page.evaluate(() => (document.cookie = "session=42"));
    await page.evaluateHandle(openWebPeer, { url, protocols: [] });
    expect(cookies).toEqual(["session=42"]);
  });

  test.each([
    ["is closed", (page: Awaited<ReturnType<typeof visit>>) => page.close()],
    ["is loaded again", (page: Awaited<ReturnType<typeof visit>>) => page.reload()],
  ])("a tab that %s closes with 1001", async (_what, leave) => {
    const { url, recorders } = await serve();
    const page = await visit(url);
    await page.evaluateHandle(openWebPeer, { url, protocols: [] });
    await leave(page);
    await recorders[0]!.over;
    expect(recorders[0]!.calls).toEqual([["open"], ["terminate", 1001, undefined]]);
  });

  async function visit(url: Served["url"]): ReturnType<ChromiumClient["newTab"]> {
    const page = await client.newTab();
    onTestFinished(() => page.close());
    await page.goto(url.replace("ws:", "http:"));
    return page;
  }
});
