import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { chromiumArguments } from "./chromium-arguments.ts";

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/**
 * A tab of Chromium that can be hidden and frozen. Playwright keeps all pages visible, and Chromium does not freeze a
 * visible page: this one speaks Chromium's protocol itself.
 */
export class ChromiumTab {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #tab = "";
  #otherTab = "";
  #session: string | undefined;

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      const answer = JSON.parse(data.toString()) as Answer;
      if (answer.id !== undefined) this.#answers.get(answer.id)?.(answer);
    });
  }

  /** Starts Chromium with a page, which is visible, and a second tab. */
  static async open(executablePath: string, url: string): Promise<ChromiumTab> {
    const profile = mkdtempSync(join(tmpdir(), "hawser-chromium-"));
    const args = [...chromiumArguments, "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"];
    const process = spawn(executablePath, args, { stdio: ["ignore", "ignore", "pipe"] });
    let output = "";
    for await (const chunk of process.stderr.iterator({ destroyOnReturn: false })) {
      output += String(chunk);
      if (/ws:\S+\n/.test(output)) break;
    }
    process.stderr.resume();
    const address = /ws:\S+/.exec(output)?.[0];
    if (address === undefined) throw new Error(`Chromium has ended:\n${output}`);
    const socket = new WebSocket(address);
    await once(socket, "open");
    const tab = new ChromiumTab(process, profile, socket);
    tab.#otherTab = await tab.#createTab("about:blank");
    tab.#tab = await tab.#createTab(url);
    const target = { targetId: tab.#tab, flatten: true };
    tab.#session = ((await tab.#send("Target.attachToTarget", target)) as { sessionId: string }).sessionId;
    await tab.#send("Page.enable");
    await tab.show();
    return tab;
  }

  /** Runs code in the page, and returns its value. */
  async evaluate(expression: string): Promise<unknown> {
    const wanted = { expression, awaitPromise: true, returnByValue: true };
    const { result } = (await this.#send("Runtime.evaluate", wanted)) as { result: { value: unknown } };
    return result.value;
  }

  /** Shows the other tab, so that this one is hidden. */
  async hide(): Promise<void> {
    await this.#send("Target.activateTarget", { targetId: this.#otherTab });
    while ((await this.evaluate("document.visibilityState")) !== "hidden");
  }

  async show(): Promise<void> {
    await this.#send("Target.activateTarget", { targetId: this.#tab });
  }

  /** Nothing runs in the page from here on. It must be hidden. */
  async freeze(): Promise<void> {
    await this.#send("Page.setWebLifecycleState", { state: "frozen" });
  }

  /** The page runs again, hidden as before. */
  async unfreeze(): Promise<void> {
    await this.#send("Page.setWebLifecycleState", { state: "active" });
  }

  /** Ends Chromium. */
  async close(): Promise<void> {
    const ended = once(this.#process, "close");
    const closed = once(this.#socket, "close");
    // The answer may be lost.
    void this.#send("Browser.close");
    await Promise.all([ended, closed]);
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async #createTab(url: string): Promise<string> {
    return ((await this.#send("Target.createTarget", { url })) as { targetId: string }).targetId;
  }

  #send(method: string, params: object = {}): Promise<unknown> {
    const id = this.#answers.size + 1;
    const isOfPage = /^(?:Page|Runtime)\./.test(method);
    this.#socket.send(JSON.stringify({ id, method, params, ...(isOfPage && { sessionId: this.#session }) }));
    return new Promise((resolve, reject) => {
      this.#answers.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result);
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }
}
