import { once } from "node:events";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type WebSocket, WebSocketServer } from "ws";
import { bundleBrowserClient } from "../../../scripts/browser-client.ts";
import { deferred } from "../../support/peer.ts";
import type { Place } from "./client-contract.ts";
import type { FromPage, ToPage } from "./page.ts";
import type { Script } from "./script.ts";

const program = fileURLToPath(new URL("page.ts", import.meta.url));

/** A page that runs scenarios with the bundle of the browsers' client. Any browser may open it: no driver is needed. */
export class PagePlace implements Place {
  /** Its address. */
  readonly url: string;
  readonly #server: Server;
  readonly #control: Promise<WebSocket>;
  #script: Script | undefined;
  #finish: ((error: string | undefined) => void) | undefined;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const controls = new WebSocketServer({ server, path: "/control" });
    this.#control = once(controls, "connection").then(([ws]) => {
      const control = ws as WebSocket;
      control.on("message", (data: Buffer) => void this.#onMessage(control, JSON.parse(data.toString()) as FromPage));
      return control;
    });
  }

  /** Makes the bundles, and serves the page. */
  static async start(): Promise<PagePlace> {
    const files: Readonly<Record<string, string>> = {
      "/": '<!doctype html><meta charset="utf-8"><title>Contract</title><script type="module" src="page.js"></script>',
      "/empty": `<!doctype html><meta charset="utf-8"><title>Client</title>
        <script type="module">import { WebSocket } from "./client.js"; globalThis.Client = WebSocket;</script>`,
      "/page.js": await bundlePage(),
      "/client.js": await bundleBrowserClient(),
      "/topics.js": await bundleBrowserClient("client-topics-browser.ts"),
    };
    const server = createServer(({ url = "" }, response) => {
      const body = files[url];
      const type = url.endsWith(".js") ? "text/javascript" : "text/html";
      response.writeHead(body === undefined ? 404 : 200, { "Content-Type": type }).end(body);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new PagePlace(server);
  }

  async run(title: string, script: Script): Promise<void> {
    const control = await this.#control;
    const { promise, resolve } = deferred<string | undefined>();
    this.#script = script;
    this.#finish = resolve;
    control.send(JSON.stringify({ run: title } satisfies ToPage));
    const error = await promise;
    if (error !== undefined) throw new Error(`in the page: ${error}`);
  }

  /** Ends the server. */
  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    void this.#control.then((control) => control.terminate());
    await closed;
  }

  async #onMessage(control: WebSocket, message: FromPage): Promise<void> {
    if ("done" in message) return this.#finish?.(message.error);
    const { id, method, args } = message;
    const methods = this.#script as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
    const answer = await Promise.resolve()
      .then(() => methods[method]?.(...args))
      .then(
        (value): ToPage => ({ id, value }),
        (error: unknown): ToPage => ({ id, error: String(error) }),
      );
    control.send(JSON.stringify(answer));
  }
}

async function bundlePage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [program],
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}
