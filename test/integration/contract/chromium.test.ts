import { type Browser, type CDPSession, type Page, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { chromiumArguments } from "../../support/chromium-arguments.ts";
import { describeWith } from "../../support/system.ts";
import { BROWSER_SKIPS } from "../../client/contract/browser-skips.ts";
import { clientContract } from "../../client/contract/client-contract.ts";
import { PagePlace } from "../../client/contract/page-place.ts";
import type { Step } from "../../client/contract/script.ts";
import { ScriptedServer } from "../../client/contract/scripted-server.ts";
import { openWaitingClient } from "../../client/contract/waiting-client.ts";

describeWith("chromium", "the client in Chromium", (executablePath) => {
  let place: PagePlace;
  let browser: Browser;
  beforeAll(async () => {
    place = await PagePlace.start();
    browser = await chromium.launch({ executablePath, args: [...chromiumArguments] });
    await (await browser.newPage()).goto(place.url);
  });
  afterAll(async () => {
    await browser.close();
    await place.stop();
  });

  clientContract({ place: () => place, skip: BROWSER_SKIPS });

  /** A page with one client, which waits a day before it dials again, unless the page wakes it. */
  async function openClient(
    plan: readonly Step[] = [],
  ): Promise<{ page: Page; cdp: CDPSession; server: ScriptedServer }> {
    const server = new ScriptedServer();
    const page = await browser.newPage();
    onTestFinished(async () => {
      await page.close();
      await server.stop();
    });
    await page.goto(`${place.url}empty`);
    await page.evaluate(openWaitingClient, await server.start(plan));
    return { page, server, cdp: await page.context().newCDPSession(page) };
  }

  test.each([
    ["online", "window"],
    ["visibilitychange", "document"],
    ["resume", "document"],
  ] as const)("the event %s makes a waiting client dial at once", async (type, target) => {
    const { page, server } = await openClient([{ refuse: 503 }]);
    await server.dial(1);
    // The client may not have heard of the refusal yet: it ignores the event then.
    const timer = setInterval(() => {
      void page
        .evaluate(([event, on]) => (on === "window" ? window : document).dispatchEvent(new Event(event)), [
          type,
          target,
        ] as const)
        .catch(() => undefined);
    }, 50);
    onTestFinished(() => clearInterval(timer));
    const [first] = await server.received(1, 1);
    expect(first).toBe("open");
    clearInterval(timer);
    expect(await server.dials()).toBe(2);
  });

  test("a network that is away for 5 s ends the connection, and when it is back the client dials at once", async () => {
    const { server, cdp } = await openClient();
    await server.received(1, 1);
    const none = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await cdp.send("Network.enable");
    await cdp.send("Network.emulateNetworkConditions", { offline: true, ...none });
    expect(await server.ended(1)).not.toBe(1000);
    await cdp.send("Network.emulateNetworkConditions", { offline: false, ...none });
    expect(await server.received(2, 1)).toEqual(["open"]);
  });

  test("a page that wakes up asks at once whether the server is there", async () => {
    const { page, server } = await openClient();
    await server.received(1, 1);
    await page.evaluate(() => document.dispatchEvent(new Event("resume")));
    expect(await server.received(1, 2)).toEqual(["open", "ping?"]);
  });
});
