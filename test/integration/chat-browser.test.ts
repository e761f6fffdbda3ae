import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { start } from "../../examples/chat/server.ts";
import { chromiumArguments } from "../support/chromium-arguments.ts";
import { describeWith } from "../support/system.ts";

describeWith("chromium", "the chat in a browser", (executablePath) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: [...chromiumArguments] });
  });
  afterAll(() => browser.close());

  /** A separate window, as of another person on another machine, and every error of its console. */
  async function open(url: string, options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
    const context = await browser.newContext(options);
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.goto(url);
    return { page, complaints };
  }

  async function join(url: string, name: string, options?: BrowserContextOptions): Promise<Page> {
    const { page } = await open(url, options);
    await enter(page, name);
    return page;
  }

  async function serve(): Promise<string> {
    const { port, stop } = await start(0);
    onTestFinished(stop);
    return `http://127.0.0.1:${port}/`;
  }

  test("two windows chat with each other, and each sees who is on line", async () => {
    const url = await serve();
    const ada = await open(url);
    await enter(ada.page, "Ada");
    await ada.page.getByText("Nobody else is here yet.").waitFor();
    const grace = await open(url);
    await enter(grace.page, "Grace");

    await ada.page.getByText("Grace came in.").waitFor();
    await expect.poll(() => people(ada.page)).toEqual(["Ada (you)", "Grace"]);
    await expect.poll(() => people(grace.page)).toEqual(["Grace (you)", "Ada"]);

    await say(ada.page, "Hello, Grace");
    await expect.poll(() => messages(grace.page)).toEqual(["Ada: Hello, Grace"]);
    await say(grace.page, "Hello, Ada");
    await expect.poll(() => messages(ada.page)).toEqual(["Ada: Hello, Grace", "Grace: Hello, Ada"]);
    expect(await messages(grace.page)).toEqual(["Ada: Hello, Grace", "Grace: Hello, Ada"]);
    expect(await ada.page.getByText("Nobody else is here yet.").isVisible()).toBe(false);

    await ada.page.close();
    await grace.page.getByText("Ada left.").waitFor();
    await expect.poll(() => people(grace.page)).toEqual(["Grace (you)"]);
    expect([...ada.complaints, ...grace.complaints]).toEqual([]);
  });

  test("when the server is started again the page connects by itself, with its name and its draft", async () => {
    const first = await start(0);
    const url = `http://127.0.0.1:${first.port}/`;
    const ada = await join(url, "Ada");
    await ada.getByRole("textbox", { name: "Message" }).fill("written while off line");

    await first.stop();
    await ada.getByText("Reconnecting…").waitFor();
    await expect.poll(() => people(ada)).toEqual([]);
    await ada.keyboard.press("Enter"); // is not sent, and loses nothing
    expect(await ada.getByRole("button", { name: "Send" }).isEnabled()).toBe(false);
    expect(await ada.getByRole("textbox", { name: "Message" }).inputValue()).toBe("written while off line");

    const second = await start(first.port);
    onTestFinished(second.stop);
    const grace = await join(url, "Grace");
    await ada.getByText("Welcome back, Ada.").waitFor();
    await expect.poll(async () => (await people(grace)).toSorted()).toEqual(["Ada", "Grace (you)"]);
    await ada.getByRole("button", { name: "Send" }).click();
    await expect.poll(() => messages(grace)).toEqual(["Ada: written while off line"]);
  });

  test("markup in a message or a name is shown as text", async () => {
    const url = await serve();
    const markup = "<b id=bold>x</b>";
    const { page, complaints } = await open(url);
    await enter(page, markup);
    const grace = await join(url, "Grace");

    await say(page, `${markup}<script>alert(1)</script>`);

    await expect.poll(() => messages(grace)).toEqual([`${markup}: ${markup}<script>alert(1)</script>`]);
    expect(await people(grace)).toEqual(["Grace (you)", markup]);
    expect(await grace.locator("#bold, body script").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test("a window keeps its name over a reload; a second window proposes it and gets a number", async () => {
    const url = await serve();
    const ada = await join(url, "Ada");
    await ada.reload();
    await expect.poll(() => people(ada)).toEqual(["Ada (you)"]);

    const second = await ada.context().newPage();
    await second.goto(url);
    expect(await second.getByRole("dialog", { name: "Your name" }).getByRole("textbox").inputValue()).toBe("Ada");
    await second.keyboard.press("Enter");
    await expect.poll(() => people(second)).toEqual(["Ada 2 (you)", "Ada"]);
  });

  test("a changed name is seen by everyone; a dialog that is dismissed changes nothing", async () => {
    const url = await serve();
    const ada = await join(url, "Ada");
    const grace = await join(url, "Grace");

    await ada.getByRole("button", { name: "Change name" }).click();
    await ada.keyboard.type("Nobody");
    await ada.keyboard.press("Escape");
    await ada.getByRole("button", { name: "Change name" }).click();
    await ada.keyboard.type("Lady Lovelace");
    await ada.keyboard.press("Enter");

    await ada.getByText("You are now Lady Lovelace.").waitFor();
    await grace.getByText("Ada is now Lady Lovelace.").waitFor();
    await expect.poll(() => people(grace)).toEqual(["Grace (you)", "Lady Lovelace"]);
    expect(await grace.getByText("Nobody", { exact: true }).count()).toBe(0);
  });

  test("it works with the keyboard alone, and fits a small phone", async () => {
    const url = await serve();
    const phone = await join(url, "A name as long as it gets", { viewport: { width: 320, height: 480 } });
    const grace = await join(url, "Grace");

    await phone.keyboard.type("first line");
    await phone.keyboard.press("Shift+Enter");
    await phone.keyboard.type("W".repeat(200));
    await phone.keyboard.press("Enter");
    await expect.poll(() => messages(grace)).toEqual([`A name as long as it get: first line\n${"W".repeat(200)}`]);
    for (let n = 1; n <= 20; n++) await say(grace, `line ${n}`);

    const last = phone.getByText("line 20", { exact: true });
    await last.waitFor();
    const box = phone.getByRole("textbox", { name: "Message" });
    const [text, field] = [await last.boundingBox(), await box.boundingBox()];
    expect(text!.y + text!.height).toBeLessThanOrEqual(field!.y); // the end is visible, and nothing covers it
    expect(field!.y + field!.height).toBeLessThanOrEqual(480);
    expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    // Below 16px iOS zooms in when a field is touched.
    expect(await box.evaluate((element) => parseFloat(getComputedStyle(element).fontSize))).toBeGreaterThanOrEqual(16);
  });
});

/** Joins from the dialog, by the keyboard. */
async function enter(page: Page, name: string): Promise<void> {
  await page.getByRole("dialog", { name: "Your name" }).waitFor();
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
  await page.getByText("Connected", { exact: true }).waitFor();
}

async function say(page: Page, words: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message" }).fill(words);
  await page.keyboard.press("Enter");
}

/** The names in the list, the reader's own marked. */
async function people(page: Page): Promise<string[]> {
  const rows = page.getByRole("list", { name: "On line" }).getByRole("listitem");
  return rows.evaluateAll((all) =>
    all.map((row) => row.querySelector("bdi")!.textContent + (row.querySelector(".you") ? " (you)" : "")),
  );
}

/** All messages in the log, each with its sender. */
async function messages(page: Page): Promise<string[]> {
  const articles = page.getByRole("log", { name: "Messages" }).locator("article");
  return articles.evaluateAll((all) =>
    all.map((one) => `${one.querySelector("bdi")!.textContent}: ${one.querySelector(".bubble")!.textContent}`),
  );
}
