import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { type Client, Refused } from "./client.ts";
import { RemotePeer } from "./remote-peer.ts";
import { openWebPeer } from "./web-peer.ts";

/** What the browser answers to a command of WebDriver BiDi. */
interface Answer {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly message?: string;
}

/** What a script in a page has returned. */
interface Evaluated {
  readonly type: string;
  readonly exceptionDetails?: { readonly text: string };
  readonly result?: { readonly type: string; readonly value?: string };
}

/** Where a page keeps its peers, by number. */
const PEERS = "globalThis.peers ??= new Map()";

/** Firefox, driven by WebDriver BiDi. All connections are in one tab, on a page of the server that they connect to. */
export class FirefoxClient implements Client {
  readonly #executablePath: string;
  #browser: Promise<Browser> | undefined;
  #address: string | undefined;
  #peers = 0;

  /** @param executablePath - the path of the program, which is started when it is needed */
  constructor(executablePath: string) {
    this.#executablePath = executablePath;
  }

  async open(url: string, protocols: readonly string[] = []): Promise<RemotePeer> {
    this.#browser ??= Browser.start(this.#executablePath);
    const browser = await this.#browser;
    const address = url.replace(/^ws/, "http");
    if (this.#address !== address) await browser.navigate((this.#address = address));
    const peer = ++this.#peers;
    const opening = `(${openWebPeer.toString()})(${JSON.stringify({ url, protocols })})`;
    const protocol = await browser.evaluate(
      `(async () => { const peer = await ${opening}; if (!peer) return undefined; (${PEERS}).set(${peer}, peer); return JSON.stringify(peer.protocol); })()`,
    );
    if (protocol === undefined) throw new Refused();
    const call = async (method: string, ...args: readonly unknown[]): Promise<unknown> => {
      const text = await browser.evaluate(
        `(async () => JSON.stringify(await (${PEERS}).get(${peer})[${JSON.stringify(method)}](...${JSON.stringify(args)})))()`,
      );
      return text === undefined ? undefined : (JSON.parse(text) as unknown);
    };
    const unsupported = (): Promise<void> => Promise.reject(new Error("not with Firefox"));
    return new RemotePeer(JSON.parse(protocol) as string, call, {
      lose: () => this.end(),
      pause: unsupported,
      resume: unsupported,
      dispose: async () => {
        if (this.#browser !== undefined) await call("close");
      },
    });
  }

  async end(): Promise<void> {
    const browser = await this.#browser;
    this.#browser = this.#address = undefined;
    await browser?.end();
  }
}

/** A running browser, and its one tab. */
class Browser {
  readonly #process: ChildProcess;
  readonly #home: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<
    number,
    { resolve: (result: Record<string, unknown>) => void; reject: (error: Error) => void }
  >();
  #commands = 0;
  #context = "";

  private constructor(process: ChildProcess, home: string, socket: WebSocket) {
    this.#process = process;
    this.#home = home;
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      const { id, result, message } = JSON.parse(data.toString()) as Answer;
      const waiting = this.#waiting.get(id ?? 0);
      this.#waiting.delete(id ?? 0);
      if (result === undefined) waiting?.reject(new Error(message));
      else waiting?.resolve(result);
    });
    socket.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("Firefox has ended"));
    });
  }

  static async start(executablePath: string): Promise<Browser> {
    const home = await mkdtemp(join(tmpdir(), "hawser-firefox-"));
    // It has processes of its own: they are ended as a group.
    const process = spawn(
      executablePath,
      ["--headless", "--no-remote", "--profile", home, "--remote-debugging-port", "0", "about:blank"],
      {
        env: { ...globalThis.process.env, HOME: home, MOZ_DISABLE_CONTENT_SANDBOX: "1" },
        stdio: ["ignore", "ignore", "pipe"],
        detached: true,
      },
    );
    const lines = createInterface(process.stderr);
    for await (const line of lines) {
      const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
      if (address === undefined) continue;
      const socket = new WebSocket(`${address}/session`, { perMessageDeflate: false });
      await once(socket, "open");
      process.stderr.resume();
      const browser = new Browser(process, home, socket);
      await browser.#call("session.new", { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
      const { contexts } = await browser.#call("browsingContext.getTree", {});
      browser.#context = (contexts as { context: string }[])[0]!.context;
      return browser;
    }
    throw new Error("Firefox has ended");
  }

  async navigate(url: string): Promise<void> {
    await this.#call("browsingContext.navigate", { context: this.#context, url, wait: "complete" });
  }

  /** The string that an expression's promise gives; undefined for any other value. */
  async evaluate(expression: string): Promise<string | undefined> {
    const evaluated = (await this.#call("script.evaluate", {
      expression,
      target: { context: this.#context },
      awaitPromise: true,
    })) as unknown as Evaluated;
    if (evaluated.exceptionDetails !== undefined) throw new Error(evaluated.exceptionDetails.text);
    return evaluated.result?.type === "string" ? evaluated.result.value : undefined;
  }

  async end(): Promise<void> {
    this.#socket.terminate();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, "exit");
      process.kill(-this.#process.pid!, "SIGKILL");
      await ended;
    }
    await rm(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }

  #call(method: string, params: object): Promise<Record<string, unknown>> {
    const id = ++this.#commands;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
