import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { PagePlace } from "../../client/contract/page-place.ts";
import type { Step } from "../../client/contract/script.ts";
import { ScriptedServer } from "../../client/contract/scripted-server.ts";
import { openWaitingClient } from "../../client/contract/waiting-client.ts";
import { ChromiumTab } from "../../support/chromium-tab.ts";
import { describeWith } from "../../support/system.ts";

describeWith("chromium", "the client in a page of Chromium that is hidden and frozen", (executablePath) => {
  let place: PagePlace;
  beforeAll(async () => (place = await PagePlace.start()));
  afterAll(() => place.stop());

  /** A hidden page with one client, which waits a day before it dials again, unless the page wakes it. */
  async function openHidden(plan: readonly Step[] = []): Promise<{ tab: ChromiumTab; server: ScriptedServer }> {
    const server = new ScriptedServer();
    const tab = await ChromiumTab.open(executablePath, `${place.url}empty`);
    onTestFinished(async () => {
      await tab.close();
      await server.stop();
    });
    const url = await server.start(plan);
    while ((await tab.evaluate("typeof Client")) !== "function");
    await tab.hide();
    await tab.evaluate(`(${String(openWaitingClient)})(${JSON.stringify(url)})`);
    return { tab, server };
  }

  /** Waits until the client waits to dial again. */
  async function waits(tab: ChromiumTab): Promise<void> {
    while ((await tab.evaluate("losses")) !== 1);
  }

  test("a connected client asks at once, when its page runs again, whether the server is there", async () => {
    const { tab, server } = await openHidden();
    await server.received(1, 1);
    await tab.freeze();
    await tab.unfreeze();
    expect(await server.received(1, 2)).toEqual(["open", "ping?"]);
  });

  test("a waiting client dials at once when its page runs again, still hidden", async () => {
    const { tab, server } = await openHidden([{ refuse: 503 }]);
    await waits(tab);
    await tab.freeze();
    expect(await server.dials()).toBe(1);
    await tab.unfreeze();
    expect(await server.received(1, 1)).toEqual(["open"]);
    expect(await server.dials()).toBe(2);
  });

  test("a client whose server went away while the page was frozen dials at once when the page is shown", async () => {
    const { tab, server } = await openHidden();
    await server.received(1, 1);
    await tab.freeze();
    await server.close(1, 1012);
    await tab.unfreeze();
    await waits(tab);
    await tab.show();
    expect(await server.received(2, 1)).toEqual(["open"]);
  });
});
