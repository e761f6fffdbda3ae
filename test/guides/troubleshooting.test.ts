import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import ts from "typescript";
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer, type WSMessageEvent } from "hawser";
import { type TestClient, connect } from "hawser/testing";
import { SLOW, usePage } from "../support/page-project.ts";
import { RawClient, handshake } from "../support/raw-client.ts";
import { PageClient, printed, refusal } from "./page-client.ts";

const PAGE = "docs/guides/troubleshooting.md";
const project = usePage(PAGE);

/** All that the library has said in this file: warnings, bodies of refusals, reasons, messages of errors. */
const said: string[] = [];

const onWarning = ({ message }: Error): void => void said.push(message);
beforeAll(() => void process.on("warning", onWarning));
afterAll(() => void process.off("warning", onWarning));
afterEach(() => vi.useRealTimers());

/** Warnings are emitted in the next tick. */
const warned = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Echo {
  onMessage(_ws: unknown, _event: WSMessageEvent): void {}
}

const site = { onConnection: () => new Echo() };

/** A server without a port, and what was said to a client that it refuses. */
async function refuse(wss: object, options: Parameters<typeof connect>[1] = {}): Promise<void> {
  const error = await connect(wss as WebSocketServer, options).then(
    () => undefined,
    (reason: unknown) => reason as { readonly body: string },
  );
  said.push(error?.body.trim() ?? "accepted");
  await warned();
}

/** Keeps the reason of a connection's end. */
async function ends(client: TestClient): Promise<void> {
  said.push((await client.closed).reason ?? "");
}

/** A handler as of an application in JavaScript. */
const untyped = (handler: unknown, options: object = {}): WebSocketServer =>
  new WebSocketServer(handler as typeof site, options);

test("refusals are provoked", async () => {
  await refuse(new WebSocketServer(site), { headers: { origin: "https://elsewhere.example" } });
  await refuse(untyped({ onConnection: () => undefined }));
  await refuse(new WebSocketServer(site, { path: "/chat" }), { url: "/chat/" });
  await refuse(untyped({ onConnection: () => ({ onmessage() {} }), onError: keepErrors }));
  await refuse(new WebSocketServer({ onConnection: () => new Promise<Echo>(() => {}) }, { handshakeTimeout: 20 }));
  for (const options of [{ maxConnections: 1 }, { maxConnectionsPerAddress: 1 }]) {
    const wss = new WebSocketServer(site, options);
    await connect(wss);
    await refuse(wss);
    await wss.terminate(0);
  }
  const ending = new WebSocketServer(site);
  const client = await connect(ending);
  client.pause();
  const ended = ending.terminate(60);
  await refuse(ending);
  client.destroy();
  await ended;
  await connect(new WebSocketServer(site), { protocols: ["mqtt"] });
  await warned();
  expect(said.length).toBeGreaterThan(10);
});

test("requests that are no handshake are provoked", async () => {
  const wss = new WebSocketServer(site, { port: 0, host: "127.0.0.1" });
  onTestFinished(() => wss.terminate(0));
  await wss.ready;
  for (const request of [
    handshake("/", { Connection: undefined, Upgrade: undefined }),
    handshake("/", { "Sec-WebSocket-Version": "8" }),
    handshake("/", { "Sec-WebSocket-Key": "short" }),
    handshake("/").replace("HTTP/1.1", "HTTP/1.0"),
  ]) {
    const client = await RawClient.connect((wss.address() as AddressInfo).port);
    client.write(request);
    const { status, body } = await client.response();
    expect([400, 426]).toContain(status);
    said.push(body.trim());
  }
});

test("closes and busy callbacks are provoked", async () => {
  const json = await connect(untyped(site, { dataType: "object" }));
  json.send("no JSON");
  await ends(json);
  const big = await connect(new WebSocketServer(site, { maxMessageSize: 10 }));
  big.send("more than ten bytes");
  await ends(big);
  const fast = await connect(new WebSocketServer(site, { maxMessagesPerSecond: 1, ratePolicy: "close" }));
  for (let n = 0; n < 10; n++) fast.send("x");
  await ends(fast);
  await ends(await connect(new WebSocketServer(site, { idleTimeout: 20 })));

  const wss = new WebSocketServer(site, { maxSendQueue: 1000 });
  const slow = await connect(wss);
  slow.pause();
  for (let n = 0; wss.counters.limits.maxSendQueue === 0 && n < 1000; n++) {
    wss.broadcast("x".repeat(10_000));
    await warned();
  }
  slow.resume();
  await ends(slow);

  const throwing = await connect(untyped({ onConnection: () => ({ onMessage: () => fail() }) }));
  throwing.send("x");
  expect((await throwing.closed).code).toBe(1011);
  await connect(untyped({ onConnection: () => ({ onMessage() {}, onClose() {} }) }));

  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  const busy = await connect(new WebSocketServer({ onConnection: () => ({ onMessage: () => new Promise(() => {}) }) }));
  busy.send("first");
  busy.send("second");
  await vi.advanceTimersByTimeAsync(60_000);
  await warned();
});

function fail(): never {
  throw new Error("a mistake of the handler");
}

function keepErrors(_wss: unknown, { errors }: { errors: readonly { readonly message: string }[] }): void {
  said.push(errors[0]?.message ?? "");
}

test("mistakes in calls of the constructor are provoked", () => {
  class Chat {
    onConnection(): void {}
  }
  for (const [handler, options] of [
    [{ port: 8080 }, site],
    [Chat, {}],
    [site, { maxPayload: 1 }],
  ] as const) {
    try {
      untyped(handler, options);
    } catch (error) {
      said.push((error as Error).message);
    }
  }
  expect(said.slice(-3)).toEqual(Array(3).fill(expect.stringMatching(/^(?:handler|options): /)));
});

test("handlers that do not fit are compiled", () => {
  const source = `
import { WebSocketServer, type WSMessageEvent, type WebSocketConnection } from "hawser";
class Empty {}
class Whole { onMessage(_ws: WebSocketConnection<Whole>, _event: WSMessageEvent) {} }
class Bytes { onMessage(_ws: WebSocketConnection<Bytes>, _event: WSMessageEvent<Buffer>) {} }
declare const ws: WebSocketConnection;
new WebSocketServer({ onConnection: () => new Empty() });
new WebSocketServer({ onConnection: () => Whole });
new WebSocketServer({ onConnection: () => new Whole() }, { dataType: "object" });
new WebSocketServer({ onConnection: () => new Bytes() });
new WebSocketServer(new Whole());
ws.send(Promise.resolve("text"));
`;
  const messages = compilerMessages("test/guides/unfit-handlers.ts", source);
  expect(messages).toHaveLength(6);
  said.push(...messages);
});

test("a server's handler with a wrong event is compiled, and the message has the lines in the page's order", () => {
  const source = (callback: string): string => `
import { WebSocketServer, type WSMessageEvent, type WSTerminateEvent, type WebSocketConnection } from "hawser";
class Member { onMessage(_ws: WebSocketConnection<Member, string, Site>, _event: WSMessageEvent) {} }
class Site {
  onConnection() { return new Member(); }
  ${callback}(_wss: WebSocketServer, _event: WSTerminateEvent) {}
}
new WebSocketServer(new Site());
`;
  const [message = "", ...more] = compilerMessages("test/guides/wrong-event.ts", source("onError"));
  expect(more).toEqual([]);
  const [, block = ""] = /```text\n(Type 'Member'.*?)```/s.exec(readFileSync(PAGE, "utf8")) ?? [];
  const lines = block.trim().split("\n");
  expect(lines).toHaveLength(6);
  expect(message).toMatch(
    new RegExp(`${lines.map((line) => (line === "…" ? ".*" : escaped(line))).join("\\s+")}$`, "s"),
  );
  expect(compilerMessages("test/guides/wrong-event.ts", source("onTerminate"))).toEqual([]);
  said.push(message);
});

function compilerMessages(file: string, source: string): string[] {
  const { config } = ts.readConfigFile("tsconfig.json", (path) => ts.sys.readFile(path)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [file] }, ts.sys, ".");
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, version, ...more) =>
    name.endsWith(file) ? ts.createSourceFile(name, source, version) : read(name, version, ...more);
  const program = ts.createProgram([file], options, host);
  return program
    .getSemanticDiagnostics(program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

test(
  "the program prints why a client was refused, and why one has left",
  async () => {
    const server = await project().start("diagnose.js");
    expect(await refusal(server, "/chat/")).toEqual([404, "There is no WebSocket at this path."]);
    await printed(server, "refused: 404 path /chat/");
    expect((await refusal(server, "/chat", { origin: "https://elsewhere.example" }))[0]).toBe(403);
    await printed(server, "refused: 403 origin /chat");
    await printed(server, 'HawserWarning: A page of the origin "https://elsewhere.example" was refused');
    const client = await PageClient.open(server, "/chat");
    client.send("hello");
    expect(await client.text()).toBe("hello");
    client.socket.terminate();
    await printed(server, "1 left: network 1006 HWS_STREAM_ENDED The connection's stream ended without a close frame");
    await server.stop();
  },
  SLOW,
);

test(
  "the program says that the port is in use, and ends",
  async () => {
    const other = createServer().listen(0);
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const env = { ...process.env, PORT: String((other.address() as AddressInfo).port) };
    const child = execFile(process.execPath, ["diagnose.js"], { cwd: project().folder, env });
    let output = "";
    child.stderr?.on("data", (text: string) => (output += text));
    const [code] = (await once(child, "close")) as [number];
    expect(code).toBe(1);
    expect(output).toMatch(/^server: listen EADDRINUSE/);
    said.push(output);
  },
  SLOW,
);

/** The messages that the page quotes: the lines of its text blocks, and a column of two tables. */
function quotes(): string[] {
  const page = readFileSync(PAGE, "utf8");
  const blocks = [...page.matchAll(/```text\n(.*?)```/gs)].flatMap(([, lines = ""]) => lines.trim().split("\n"));
  const cells = [...page.matchAll(/^\| \d{3,4} +\| `([^`]+)`/gm)].map(([, cell = ""]) => cell);
  return [...blocks, ...cells];
}

// After all others, which have collected what the library says.
test("the library says each message that the page quotes", () => {
  expect(quotes().length).toBeGreaterThan(30);
  const patterns = quotes().map((quote) =>
    quote
      .split("…")
      .map((part) => escaped(part))
      .join(".*"),
  );
  expect(patterns.filter((pattern) => !said.some((text) => new RegExp(pattern).test(text)))).toEqual([]);
});

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
