import { type Browser, type Page, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { chromiumArguments } from "../support/chromium-arguments.ts";
import { SLOW, programsOf, usePage } from "../support/page-project.ts";
import { describeWith } from "../support/system.ts";
import { becomes } from "./page-client.ts";
import { Relay } from "./relay.ts";

const PAGE = "docs/guides/browser-page.md";
test("the page has less than 80 lines of script", () => {
  expect(programsOf(PAGE).get("page.js")?.split("\n").length).toBeLessThan(80);
});

describeWith("chromium", "the page in Chromium", (executablePath) => {
  const project = usePage(PAGE);
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: [...chromiumArguments] });
  });
  afterAll(() => browser.close());

  /** A window of another person. With `slow` no timer of the page ends. */
  async function open(relay: Relay, slow = false): Promise<Page> {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    if (slow) await page.addInitScript(() => Reflect.set(globalThis, "setTimeout", () => 0));
    await page.goto(`http://127.0.0.1:${String(relay.port)}/`);
    await state(page, "connected");
    return page;
  }

  async function start(): Promise<Relay> {
    const server = await project().start("server.js");
    onTestFinished(() => server.stop().then(() => {}));
    return Relay.open(server);
  }

  test(
    "two windows see each other's lines, as text",
    async () => {
      const relay = await start();
      const [ann, bob] = [await open(relay), await open(relay)];
      await say(ann, "hello <b>Bob</b>");
      await lines(bob, ["hello <b>Bob</b>"]);
      await say(bob, "hello");
      await lines(ann, ["hello <b>Bob</b>", "hello"]);
    },
    SLOW,
  );

  test(
    "after the server was started again the page is connected, and what was written meanwhile has arrived once",
    async () => {
      const relay = await start();
      const [ann, bob] = [await open(relay), await open(relay)];
      const { target } = relay;
      relay.target = undefined;
      expect(await target?.stop()).toBe(0);
      await state(ann, "connecting again");
      await say(ann, "written while nobody listens");
      await state(bob, "connecting again");

      const server = await project().start("server.js");
      onTestFinished(() => server.stop().then(() => {}));
      relay.target = server;
      await state(bob, "connected");
      await state(ann, "connected");
      await say(bob, "after it");
      await becomes(async () => (await texts(ann)).toSorted(), ["after it", "written while nobody listens"]);
    },
    SLOW,
  );

  test(
    "a lost connection is opened again, at once when the page is on line or visible again",
    async () => {
      const relay = await start();
      const page = await open(relay, true);
      for (const event of ["online", "visibilitychange"]) {
        relay.cut();
        await state(page, "connecting again");
        await page.evaluate((name) => {
          (name === "online" ? window : document).dispatchEvent(new Event(name));
        }, event);
        await state(page, "connected");
      }
      await say(page, "still here");
      await lines(page, ["still here"]);
    },
    SLOW,
  );

  test(
    "a page without a session is told so, and does not try again",
    async () => {
      const relay = await start();
      const page = await open(relay);
      let opened = 0;
      page.on("websocket", () => opened++);
      await page.context().clearCookies();
      relay.cut();
      await state(page, "please sign in");
      expect(opened).toBe(1);
      await page.evaluate(() => {
        window.dispatchEvent(new Event("online"));
        document.dispatchEvent(new Event("visibilitychange"));
      });
      // A connection that had been opened by this would come before that of another window.
      await open(relay);
      expect(opened).toBe(1);
      expect(await page.getByRole("status").textContent()).toBe("please sign in");
    },
    SLOW,
  );
});

async function state(page: Page, text: string): Promise<void> {
  await page.getByRole("status").getByText(text, { exact: true }).waitFor();
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Text" }).fill(text);
  await page.keyboard.press("Enter");
}

function texts(page: Page): Promise<string[]> {
  return page.getByRole("listitem").allTextContents();
}

async function lines(page: Page, expected: string[]): Promise<void> {
  await becomes(() => texts(page), expected);
}
