import { type BrowserContext, type BrowserContextOptions, chromium, type Dialog, type Page } from "playwright-core";
import { chromiumArguments } from "../../support/chromium-arguments.ts";
import { type Client, Refused } from "./client.ts";
import { type Place, RemotePeer } from "./remote-peer.ts";
import { openWebPeer, type WebPeer } from "./web-peer.ts";

/** A browser: each connection in a tab of its own, on a page of the server that it connects to. */
export class ChromiumClient implements Client {
  readonly #executablePath: string;
  readonly #options: BrowserContextOptions;
  #context: Promise<BrowserContext> | undefined;
  /** Tabs that can be used again: a new one takes longer than most tests. */
  #idle: Page[] = [];

  /**
   * @param executablePath - the path of the program, which is started when it is needed
   * @param options - of the browser's window
   */
  constructor(executablePath: string, options: BrowserContextOptions = {}) {
    this.#executablePath = executablePath;
    this.#options = options;
  }

  async open(url: string, protocols: readonly string[] = []): Promise<RemotePeer> {
    return this.openFrom(url.replace(/^ws/, "http"), url, protocols);
  }

  /** Connects from a page of one's choice. */
  async openFrom(address: string, url: string, protocols: readonly string[] = []): Promise<RemotePeer> {
    const page = this.#idle.pop() ?? (await this.newTab());
    await page.goto(address);
    const handle = await page.evaluateHandle(openWebPeer, { url, protocols });
    const protocol = await handle.evaluate((peer) => peer?.protocol);
    if (protocol === undefined) {
      this.#idle.push(page);
      throw new Refused();
    }
    return new RemotePeer(
      protocol,
      (method, ...args) => handle.evaluate(callMethod, { method, args }),
      this.#place(page),
    );
  }

  /** An empty tab. */
  async newTab(): Promise<Page> {
    this.#context ??= chromium
      .launch({ executablePath: this.#executablePath, args: [...chromiumArguments] })
      .then((browser) => browser.newContext(this.#options));
    const context = await this.#context;
    return context.newPage();
  }

  async end(): Promise<void> {
    const context = await this.#context;
    this.#context = undefined;
    this.#idle = [];
    await context?.browser()?.close();
  }

  #place(page: Page): Place {
    let dialog: Dialog | undefined;
    const resume = async (): Promise<void> => {
      await dialog?.accept();
      dialog = undefined;
    };
    return {
      lose: () => this.#kill(),
      async pause() {
        // A dialog stops everything in the page until it is answered.
        const shown = page.waitForEvent("dialog");
        await page.evaluate(() => void setTimeout(() => alert("Wait.")));
        dialog = await shown;
      },
      resume,
      dispose: async () => {
        await resume();
        if (!page.isClosed()) this.#idle.push(page);
      },
    };
  }

  /** Kills the process that has the browser's sockets. If another process died, this one would still close them properly. */
  async #kill(): Promise<void> {
    const session = await (await this.#context!).browser()!.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    process.kill(processInfo.find(({ type }) => type === "network.mojom.NetworkService")!.id, "SIGKILL");
    await this.end();
  }
}

/** Runs in the page. */
function callMethod(peer: WebPeer | undefined, call: { method: string; args: readonly unknown[] }): Promise<unknown> {
  const methods = peer as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>;
  return methods[call.method]!(...call.args);
}
