import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { start } from "../../examples/chat/server.ts";
import { Client, refusal } from "./client.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = new URL("../../examples/chat/", import.meta.url);

async function serve(): Promise<string> {
  const { port, stop } = await start(0);
  onTestFinished(stop);
  return `127.0.0.1:${port}`;
}

/** What `npm start` runs. */
function run(port: string): ChildProcess {
  const child = spawn(process.execPath, ["--import", "tsx", "examples/chat/server.ts"], {
    cwd: root,
    env: { ...process.env, PORT: port },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

test.each([
  ["/", "text/html; charset=utf-8"],
  ["/?from=a-link", "text/html; charset=utf-8"],
  ["/page.css", "text/css; charset=utf-8"],
  ["/page.js", "text/javascript; charset=utf-8"],
  ["/client.js", "text/javascript; charset=utf-8"],
  ["/icon.svg", "image/svg+xml"],
])("%s is served as %s, with headers that keep other sites out", async (path, type) => {
  const response = await fetch(`http://${await serve()}${path}`);

  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(type);
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'self';.* frame-ancestors 'none'$/);
  expect(Number(response.headers.get("content-length"))).toBe((await response.arrayBuffer()).byteLength);
});

test("only GET and HEAD are answered, only the page's files are there, and no path leads out of the folder", async () => {
  const host = await serve();

  expect((await fetch(`http://${host}/`, { method: "HEAD" })).status).toBe(200);
  const posted = await fetch(`http://${host}/`, { method: "POST", body: "x" });
  expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  for (const path of ["/server.ts", "/%2e%2e/package.json", "//page.js", "/chat"]) {
    expect((await fetch(`http://${host}${path}`)).status, path).toBe(404);
  }
});

test("a page of another site cannot open the chat, nor can any page at another path", async () => {
  const host = await serve();

  expect(await refusal(`ws://${host}/chat`, { Origin: "https://elsewhere.example" })).toBe(403);
  expect(await refusal(`ws://${host}/other`)).toBe(404);
  const client = await Client.open(`ws://${host}/chat`, { Origin: `http://${host}` });
  expect(await client.json()).toMatchObject({ type: "welcome" });
});

test("the page loads nothing from elsewhere and turns no text into markup", () => {
  const page = readdirSync(folder).filter((name) => /\.(html|css|js)$/.test(name));
  expect(page.sort()).toEqual(["index.html", "page.css", "page.js"]);
  for (const name of page) {
    const source = readFileSync(new URL(name, folder), "utf8");
    expect(source, name).not.toMatch(/https?:\/\/|innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
  }
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "the program prints its address, and at %s closes its connections with 1001 and exits with 0",
  async (signal) => {
    const child = run("0");
    const [line] = (await once(child.stdout!, "data")) as [Buffer];
    const [, host] = /^Chat: http:\/\/(localhost:\d+)\/\n$/.exec(String(line)) ?? [];
    const client = await Client.open(`ws://${host}/chat`);

    const closed = client.closed();
    const ended = once(child, "exit");
    child.kill(signal);

    expect(await closed).toBe(1001);
    expect(await ended).toEqual([0, null]);
  },
);

test("mistakes of clients leave no trace in the log", async () => {
  const child = run("0");
  const said = text(child.stderr!);
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  const url = `ws://localhost:${/:(\d+)\//.exec(String(line))?.[1]}/chat`;
  const [malformed, flooding, quiet] = [await Client.open(url), await Client.open(url), await Client.open(url)];

  malformed.send("{");
  malformed.send({ type: "name", name: "Ada" });
  expect(await malformed.json()).toMatchObject({ type: "welcome" });
  const flooded = flooding.closed();
  flooding.send("x".repeat(100_000));
  expect(await flooded).toBe(1009);
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await quiet.closed();

  expect(await said).toBe("");
  expect(await ended).toEqual([0, null]);
});

test("a port in use is reported in one clear line, and the program fails", async () => {
  const other = createServer().listen(0);
  onTestFinished(() => void other.close());
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;

  const child = run(String(port));
  const ended = once(child, "exit");

  expect(await text(child.stderr!)).toBe(`Port ${port} is in use. Choose another: PORT=8081 npm start\n`);
  expect(await ended).toEqual([1, null]);
});

test("a PORT that is not a port is reported in one clear line, and the program fails", async () => {
  const child = run("harbour");
  const ended = once(child, "exit");

  expect(await text(child.stderr!)).toMatch(/^Port harbour cannot be used: .+\n$/);
  expect(await ended).toEqual([1, null]);
});
