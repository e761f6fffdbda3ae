import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { describeWith } from "../../support/system.ts";
import { BROWSER_SKIPS } from "../../client/contract/browser-skips.ts";
import { clientContract } from "../../client/contract/client-contract.ts";
import { PagePlace } from "../../client/contract/page-place.ts";

describeWith("firefox", "the client in Firefox", (firefox) => {
  let place: PagePlace;
  let browser: ChildProcess;
  let home: string;
  beforeAll(async () => {
    place = await PagePlace.start();
    home = await mkdtemp(join(tmpdir(), "hawser-firefox-"));
    // It has processes of its own: they are ended as a group.
    browser = spawn(firefox, ["--headless", "--no-remote", "--profile", home, place.url], {
      env: { ...process.env, HOME: home, MOZ_DISABLE_CONTENT_SANDBOX: "1" },
      stdio: "ignore",
      detached: true,
    });
  });
  afterAll(async () => {
    if (browser.exitCode === null && browser.signalCode === null) {
      const ended = once(browser, "exit");
      process.kill(-browser.pid!, "SIGKILL");
      await ended;
    }
    await place.stop();
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  });

  clientContract({ place: () => place, skip: BROWSER_SKIPS });
});
