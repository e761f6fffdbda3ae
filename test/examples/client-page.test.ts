import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { start } from "../../examples/client-page/server.ts";
import { bundleBrowserClient } from "../../scripts/browser-client.ts";
import { chromiumArguments } from "../support/chromium-arguments.ts";
import { until } from "../support/peer.ts";
import { describeWith } from "../support/system.ts";

test("the server has the page, its script and the client, and nothing else", async () => {
  const { port, stop } = await start(0, () => Promise.resolve("export {};"));
  onTestFinished(stop);
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${String(port)}${path}`);
  expect(await (await get("/")).text()).toContain('src="/page.js"');
  expect((await get("/page.js")).headers.get("Content-Type")).toBe("text/javascript; charset=utf-8");
  expect(await (await get("/client.js")).text()).toBe("export {};");
  expect((await get("/server.ts")).status).toBe(404);
});

describeWith("chromium", "the page in Chromium", (executablePath) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: [...chromiumArguments] });
  });
  afterAll(() => browser.close());

  test("asks, is answered, and asks again after its server was started anew", async () => {
    const first = await start(0, bundleBrowserClient);
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(`http://127.0.0.1:${String(first.port)}/`);
    await page.waitForFunction("document.querySelector('#status').textContent === 'connected'");
    await page.click("button");
    await page.waitForFunction("document.querySelectorAll('li').length === 1");
    expect(await page.textContent("li")).toMatch(/^It is: \d{4}-/);
    for (const ws of first.wss.connections) ws.destroy();
    await page.waitForFunction("document.querySelector('#status').textContent.startsWith('away')");
    await page.click("button");
    await page.waitForFunction("document.querySelectorAll('li').length === 2");
    expect(await page.textContent("#status")).toBe("connected");
    await page.close();
    await first.stop();
  });

  test("a probe is answered by autoResponse: the connection lives, and neither handler is called", async () => {
    const { port, wss, stop } = await start(0, bundleBrowserClient);
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${String(port)}/`);
    await page.waitForFunction("document.querySelector('#status').textContent === 'connected'");
    const asked = await page.evaluate(`import("/client.js").then(async ({ WebSocket }) => {
      const events = [];
      const handler = { onMessage: (_ws, { data }) => events.push(data), onTerminate: () => events.push("end") };
      const probe = { request: "?", response: "!", every: 20, timeout: 20_000 };
      const ws = await WebSocket.connect("/clock", handler, { probe });
      const trip = await ws.ping();
      return { trip: typeof trip, events, status: ws.status };
    })`);
    await until(() => wss.counters.autoResponses > 3);
    expect(asked).toEqual({ trip: "number", events: [], status: "Connected" });
    expect(await page.locator("li").count()).toBe(0);
    await page.close();
    await stop();
  });
});
