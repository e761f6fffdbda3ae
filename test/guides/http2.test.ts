import { writeFile } from "node:fs/promises";
import { connect } from "node:http2";
import { join } from "node:path";
import { WebSocketServer, type WSConnectionEvent } from "hawser";
import { WebSocket } from "hawser/client";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { WebSocket as Http1 } from "ws";
import { chromiumArguments } from "../support/chromium-arguments.ts";
import { certificate } from "../support/certificate.ts";
import { type RunningProgram, SLOW, programsOf, usePage } from "../support/page-project.ts";
import { describeWith } from "../support/system.ts";

const PAGE = "docs/http2.md";
const project = usePage(PAGE);
test("the page has these programs", () => {
  expect([...programsOf(PAGE).keys()]).toEqual(["browser.ts", "raw.ts"]);
});

/** The server of the page, with the certificate of the tests. It ends with the test. */
async function start(): Promise<RunningProgram> {
  for (const name of ["cert", "key"] as const)
    await writeFile(join(project().folder, `${name}.pem`), certificate[name]);
  const server = await project().start("browser.js");
  onTestFinished(() => server.stop().then(() => {}));
  return server;
}

describeWith("chromium", "in Chromium", (executablePath) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: [...chromiumArguments] });
  });
  afterAll(() => browser.close());

  test(
    "the page and its WebSocket come over HTTP/2",
    async () => {
      const server = await start();
      const page = await browser.newPage({ ignoreHTTPSErrors: true });
      onTestFinished(() => page.close());
      page.setDefaultTimeout(60_000);
      await page.goto(`https://localhost:${String(server.port)}/`);
      await expect.poll(() => page.locator("#page").textContent()).toBe("This page: h2");
      await expect.poll(() => page.locator("#socket").textContent()).toBe("This WebSocket: HTTP/2.0");
    },
    SLOW,
  );
});

test(
  "other clients use HTTP/1.1 on the same port, and another page is 404",
  async () => {
    const { port } = await start();
    const client = new Http1(`wss://localhost:${String(port)}/chat`, { ca: certificate.cert });
    onTestFinished(() => {
      client.terminate();
    });
    const message = await new Promise((resolve, reject) => client.on("message", resolve).on("error", reject));
    expect(String(message)).toBe("This WebSocket: HTTP/1.1");
    const session = connect(`https://localhost:${String(port)}`, { ca: certificate.cert });
    onTestFinished(() => {
      session.destroy();
    });
    const headers = await new Promise<Record<string, unknown>>((resolve, reject) =>
      session.request({ ":path": "/other" }).on("response", resolve).on("error", reject),
    );
    expect(headers[":status"]).toBe(404);
  },
  SLOW,
);

test.each([
  [true, "number"],
  [false, "undefined"],
])("raw.js finds the stream of a WebSocket over HTTP/2: %s", async (http2, expected) => {
  const { streamOf } = (await import(join(project().folder, "raw.js"))) as {
    streamOf: (event: WSConnectionEvent) => { readonly id: number } | undefined;
  };
  const found: string[] = [];
  const wss = new WebSocketServer(
    {
      onConnection: (_wss: WebSocketServer, event: WSConnectionEvent) => {
        found.push(typeof streamOf(event)?.id);
        return { onMessage() {} };
      },
    },
    { port: 0, host: "127.0.0.1", tls: certificate },
  );
  onTestFinished(() => wss.terminate(0));
  await wss.ready;
  const { port } = wss.address() as { readonly port: number };
  const client = await WebSocket.connect(
    `wss://127.0.0.1:${String(port)}/`,
    { onMessage() {} },
    { http2, tls: { ca: certificate.cert } },
  );
  client.terminate();
  await client.closed;
  expect(found).toEqual([expected]);
});
